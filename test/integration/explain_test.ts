/**
 * What `explain` shows of the programs that a plan gives to the kernel: as text, and as JSON.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

interface Explained {
  items: { address: number; text: string; from: string }[];
  programs: { kind: string; from: string; size: string; lines: string[] }[];
}

test(
  "explain, explain --json [device program and filter, instruction by instruction; cgroup writes] (cgroup v2)",
  limits,
  scoped("explain", ["cgroup2"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-own`;
      config.linux["resources"] = { devices: [{ allow: true, type: "c", major: 10, minor: 200, access: "rw" }] };
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
      };
    });
    const { stdout: text } = await scope.succeed(["explain", bundle.path], { view: "v2" });
    const { stdout } = await scope.succeed(["explain", "--json", bundle.path], { view: "v2" });
    const { items, programs } = JSON.parse(stdout) as Explained;
    const place = items.find(({ from, text: call }) => from === "/linux/cgroupsPath" && call.startsWith("mkdirat("));
    assert.match(place!.text, new RegExp(`${scope.tag}-own`));
    assert.ok(items.some(({ text: call }) => /^bpf\(BPF_PROG_LOAD, .*insns: <\d+ bytes>/.test(call)));

    assert.deepEqual(
      programs.map(({ kind, from }) => `${kind} ${from}`),
      ["device program /linux/resources/devices", "filter /linux/seccomp"],
    );
    const [devices, filter] = programs;
    assert.match(devices!.lines.join("\n"), /if type != c goto \d+\n +\d+ {2}if major != 10 goto \d+\n.*minor != 200/);
    assert.match(filter!.lines.join("\n"), /ERRNO 28 .*# .*mkdirat: \/linux\/seccomp\/syscalls\/0$/m);
    for (const { kind, from, size, lines } of programs) {
      assert.equal(size, `${lines.length} instructions`);
      assert.ok(text.includes(`# ${kind} ${from}: ${size}\n${lines.join("\n")}\n`), kind);
    }
  }),
);
