/**
 * `features` against the schemas and the source: nothing is listed that is not, nothing that is is left out.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { features } from "../../src/lifecycle/features.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import { sources } from "../layout/sources.ts";

interface Features {
  hooks: string[];
  linux: {
    namespaces: string[];
    capabilities: string[];
    cgroup: Record<string, boolean>;
    seccomp: Record<"actions" | "operators" | "archs" | "knownFlags" | "supportedFlags", string[]>;
    memoryPolicy: { modes: string[]; flags: string[] };
    apparmor: { enabled: boolean };
    selinux: { enabled: boolean };
    intelRdt: Record<string, boolean>;
    mountExtensions: { idmap: { enabled: boolean } };
    netDevices: { enabled: boolean };
  };
  potentiallyUnsafeConfigAnnotations: string[];
}

const product = { version: "1", commit: "c" };
const found = features(product) as Features;

/** The words that an error lists in the place of a wrong one. */
function valuesOf(linux: object, pattern: RegExp): string[] {
  try {
    parseSpec(JSON.stringify({ ociVersion: "1.0.0", root: { path: "r" }, linux }));
  } catch (error) {
    return [...new Set((error as Error).message.match(pattern))].toSorted();
  }
  throw new Error("no error");
}

test("features() lists what config.json may have, no more and no less", () => {
  const { seccomp, memoryPolicy, namespaces } = found.linux;
  const rule = (change: object): object => ({
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", ...change }] },
  });
  assert.deepEqual(seccomp.actions.toSorted(), valuesOf(rule({ action: "X" }), /SCMP_ACT_\w+/g));
  const condition = { index: 0, value: 0, op: "X" };
  assert.deepEqual(seccomp.operators.toSorted(), valuesOf(rule({ args: [condition] }), /SCMP_CMP_\w+/g));
  const filter = (change: object): object => ({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...change } });
  // Some have no table of system calls here: refused, and not listed.
  const archs = valuesOf(filter({ architectures: ["X"] }), /SCMP_ARCH_\w+/g);
  for (const arch of seccomp.archs) assert.ok(archs.includes(arch), arch);
  assert.deepEqual(seccomp.knownFlags.toSorted(), valuesOf(filter({ flags: ["X"] }), /SECCOMP_FILTER_FLAG_\w+/g));
  for (const flag of seccomp.supportedFlags) assert.ok(seccomp.knownFlags.includes(flag));
  assert.deepEqual(memoryPolicy.modes.toSorted(), valuesOf({ memoryPolicy: { mode: "X" } }, /MPOL_[A-Z_]+/g));
  const flags = valuesOf({ memoryPolicy: { mode: "MPOL_BIND", flags: ["X"] } }, /MPOL_F_[A-Z_]+/g);
  assert.deepEqual(memoryPolicy.flags.toSorted(), flags);
  const types = valuesOf({ namespaces: [{ type: "X" }] }, /\b(pid|network|mount|ipc|uts|user|cgroup|time)\b/g);
  assert.deepEqual(namespaces.toSorted(), types);
});

test("features() lists every capability of the kernel, by number", () => {
  const values = constants();
  const names = Object.keys(values).filter((name) => name.startsWith("CAP_") && name !== "CAP_LAST_CAP");
  assert.deepEqual(
    found.linux.capabilities,
    names.toSorted((a, b) => values[a]! - values[b]!),
  );
});

test("features() says the same on every machine", () => {
  assert.deepEqual(features(product), found);
  const { apparmor, selinux, intelRdt, mountExtensions, netDevices, cgroup } = found.linux;
  for (const part of [apparmor, selinux, mountExtensions.idmap, netDevices]) assert.deepEqual(part, { enabled: true });
  assert.deepEqual(intelRdt, { enabled: true, schemata: true, monitoring: true });
  assert.deepEqual(cgroup, { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true });
  assert.equal(found.hooks.length, 6);
});

test("features() names every annotation that the source reads", () => {
  const read = new Set<string>();
  for (const { text } of sources((name) => name.startsWith("src/") && name !== "src/lifecycle/features.ts")) {
    for (const name of text.match(/"(run\.oci|org\.systemd)\.[a-z_.]+"/g) ?? []) read.add(name.slice(1, -1));
  }
  assert.deepEqual(found.potentiallyUnsafeConfigAnnotations.toSorted(), [...read].toSorted());
});
