/**
 * Every enumeration of config.json: each value of runtime-spec 1.3 is taken, any other is an error that names the place.
 * The values stand here as the specification lists them, not as src/spec does.
 * MUST config.md, config-linux.md: invalid values are errors
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { configWith, type Json, type JsonObject } from "./configs.ts";
import { refusalOf } from "./refusals.ts";

const inProcess =
  (make: (value: Json) => JsonObject) =>
  (value: Json): JsonObject =>
    configWith({ process: make(value) });
const inLinux =
  (make: (value: Json) => JsonObject) =>
  (value: Json): JsonObject =>
    configWith({ linux: make(value) });
const inSeccomp = (make: (value: Json) => JsonObject) =>
  inLinux((value) => ({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/s", ...make(value) } }));
const rule = (change: JsonObject): JsonObject => ({
  syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", ...change }],
});

const words = (text: string, prefix = ""): string[] => text.split(" ").map((word) => `${prefix}${word}`);

/** What takes it, where it stands, its values. */
const enumerations: readonly [(value: Json) => JsonObject, string, string[]][] = [
  [
    inProcess((policy) => ({ scheduler: { policy } })),
    "/process/scheduler/policy",
    words("OTHER FIFO RR BATCH ISO IDLE DEADLINE", "SCHED_"),
  ],
  [
    inProcess((flag) => ({ scheduler: { policy: "SCHED_OTHER", flags: [flag] } })),
    "/process/scheduler/flags/0",
    words("RESET_ON_FORK RECLAIM DL_OVERRUN KEEP_POLICY KEEP_PARAMS UTIL_CLAMP_MIN UTIL_CLAMP_MAX", "SCHED_FLAG_"),
  ],
  [
    inProcess((name) => ({ ioPriority: { class: name, priority: 7 } })),
    "/process/ioPriority/class",
    words("RT BE IDLE", "IOPRIO_CLASS_"),
  ],
  [
    inProcess((type) => ({ rlimits: [{ type, soft: 0, hard: 0 }] })),
    "/process/rlimits/0/type",
    words(
      "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK",
      "RLIMIT_",
    ),
  ],
  [
    (type) => configWith({ linux: { namespaces: [{ type }] } }),
    "/linux/namespaces/0/type",
    words("pid network mount ipc uts user cgroup time"),
  ],
  [
    inLinux((type) => ({ devices: [{ type, path: "/dev/x", major: 1, minor: 3 }] })),
    "/linux/devices/0/type",
    words("c b u p"),
  ],
  [
    inLinux((type) => ({ resources: { devices: [{ allow: true, type }] } })),
    "/linux/resources/devices/0/type",
    words("a c b"),
  ],
  [
    inLinux((rootfsPropagation) => ({ rootfsPropagation })),
    "/linux/rootfsPropagation",
    words("shared slave private unbindable rshared rslave rprivate runbindable"),
  ],
  [inLinux((domain) => ({ personality: { domain } })), "/linux/personality/domain", words("LINUX LINUX32")],
  [
    inLinux((mode) => ({ memoryPolicy: { mode, nodes: /DEFAULT|LOCAL/.test(String(mode)) ? "" : "0" } })),
    "/linux/memoryPolicy/mode",
    words("DEFAULT BIND INTERLEAVE WEIGHTED_INTERLEAVE PREFERRED PREFERRED_MANY LOCAL", "MPOL_"),
  ],
  [
    inLinux((flag) => ({ memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: [flag] } })),
    "/linux/memoryPolicy/flags/0",
    words("NUMA_BALANCING RELATIVE_NODES STATIC_NODES", "MPOL_F_"),
  ],
  [
    inSeccomp((defaultAction) => ({ defaultAction })),
    "/linux/seccomp/defaultAction",
    words("KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG", "SCMP_ACT_"),
  ],
  [
    inSeccomp((action) => rule({ action })),
    "/linux/seccomp/syscalls/0/action",
    words("KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY", "SCMP_ACT_"),
  ],
  [
    inSeccomp((op) => rule({ args: [{ index: 5, value: 1, valueTwo: 1, op }] })),
    "/linux/seccomp/syscalls/0/args/0/op",
    words("NE LT LE EQ GE GT MASKED_EQ", "SCMP_CMP_"),
  ],
  [
    inSeccomp((architecture) => ({ architectures: [architecture] })),
    "/linux/seccomp/architectures/0",
    words(
      "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 " +
        "PPC64LE S390 S390X PARISC PARISC64 RISCV64 SH SHEB",
      "SCMP_ARCH_",
    ),
  ],
  [
    inSeccomp((flag) => ({ flags: [flag] })),
    "/linux/seccomp/flags/0",
    words("TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_"),
  ],
];

for (const [configOf, pointer, values] of enumerations) {
  test(`parseSpec() takes every value of ${pointer}, and no other`, () => {
    for (const value of values) parseSpec(JSON.stringify(configOf(value)));
    const first = values[0]!;
    for (const wrong of [
      "",
      `${first}x`,
      first.slice(1),
      ` ${first}`,
      first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase(),
      1,
      null,
    ]) {
      // Empty text is absent where the property is optional, and so is null.
      if ((wrong === "" || wrong === null) && /Propagation$|resources|flags|architectures/.test(pointer)) continue;
      const error = refusalOf(configOf(wrong));
      assert.equal(error.pointer, pointer, `${JSON.stringify(wrong)}: ${error.message}`);
    }
  });
}

test("the 23 architectures of runtime-spec are there", () => {
  assert.equal(enumerations.find(([, pointer]) => pointer.includes("architectures"))![2].length, 23);
});

test("parseSpec() refuses pages of a size that is none", () => {
  for (const pageSize of ["", "2", "MB", "0MB", "2mb", "2TB", "-1KB"]) {
    const error = refusalOf(configWith({ linux: { resources: { hugepageLimits: [{ pageSize, limit: 1 }] } } }));
    assert.equal(error.pointer, "/linux/resources/hugepageLimits/0/pageSize", pageSize);
  }
});
