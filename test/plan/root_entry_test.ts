import assert from "node:assert/strict";
import { test } from "node:test";
import { rootEntry } from "../../src/plan/root_entry.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import {
  type Change,
  configText,
  defaultOptions,
  hostWith,
  indexOf,
  kernel,
  planOf,
  textsOf,
  v2Host,
} from "./planning.ts";

const decide = (change: Change, host = hostWith(kernel(7, 0)), noPivot = false, allowNamespace = true): string =>
  rootEntry(parseSpec(configText(change)), host, { ...defaultOptions, noPivot }, allowNamespace).entry;

const hook = [{ path: "/bin/true" }];

test("rootEntry() takes a namespace of the tree on Linux 7.0, where it is allowed to", () => {
  assert.equal(decide({}), "namespace");
  assert.equal(decide({}, hostWith(kernel(7, 3))), "namespace");
  assert.equal(decide({}, hostWith(kernel(7, 0)), false, false), "pivot");
});

test("rootEntry() pivots where the namespace will not do", () => {
  assert.equal(decide({}, hostWith(kernel(6, 18))), "pivot");
  assert.equal(decide({}, hostWith({ ...kernel(7, 0), inUserNamespace: true })), "pivot");
  const mappings = [{ containerID: 0, hostID: 1000, size: 1 }];
  const linux = { namespaces: [{ type: "mount" }, { type: "user" }], uidMappings: mappings, gidMappings: mappings };
  assert.equal(decide({ linux }), "pivot");
  for (const kind of ["prestart", "createRuntime", "createContainer"])
    assert.equal(decide({ hooks: { [kind]: hook } }), "pivot");
  for (const kind of ["startContainer", "poststart", "poststop"])
    assert.equal(decide({ hooks: { [kind]: hook } }), "namespace");
});

test("rootEntry() moves on --no-pivot and changes the root without a mount namespace", () => {
  assert.equal(decide({}, v2Host, true), "move");
  assert.equal(decide({ linux: { namespaces: [{ type: "pid" }] } }), "chroot");
  assert.equal(decide({ linux: { namespaces: [{ type: "pid" }] } }, v2Host, true), "chroot");
});

test("rootEntry() says why", () => {
  const spec = parseSpec(configText());
  assert.equal(rootEntry(spec, v2Host, defaultOptions).reason, "Linux 6.18 lacks OPEN_TREE_NAMESPACE (7.0)");
});

// R4
test("enterRoot() pivots by descriptor, detaches the host and proves it gone", () => {
  const texts = textsOf(planOf());
  const first = texts.indexOf("fchdir(r)");
  assert.deepEqual(texts.slice(first, first + 4), [
    "fchdir(r)",
    'pivot_root(".", ".")',
    'umount2(".", MNT_DETACH)',
    'openat2(AT_FDCWD, "..", {flags: O_PATH|O_DIRECTORY|O_CLOEXEC, resolve: RESOLVE_NO_XDEV})',
  ]);
});

test("enterRoot() takes away what lay over the host's root too", () => {
  const change = { linux: { namespaces: [{ type: "mount" }], maskedPaths: ["/proc/keys"] } };
  const count = (major: number, minor: number) =>
    textsOf(planOf(change, hostWith(kernel(major, minor)))).filter((text) => text.startsWith("umount2")).length;
  // one more stands in the branch for hosts with mounts over their root
  assert.equal(count(6, 14), 3);
  assert.equal(count(6, 15), 2);
});

test("enterRoot() with --no-pivot hides the host's /proc and /sys and changes the root", () => {
  const plan = planOf({}, v2Host, { noPivot: true });
  assert.equal(indexOf(plan, "pivot_root"), -1);
  const hidden = indexOf(plan, 'umount2("/proc", MNT_DETACH)');
  assert.ok(hidden > 0 && hidden < indexOf(plan, 'chroot(".")'));
});

test("a container without a mount namespace makes no mounts", () => {
  const texts = textsOf(planOf({ linux: { namespaces: [{ type: "pid" }] } }));
  assert.deepEqual(
    texts.filter((text) => /^(open_tree|move_mount|mount_setattr|fsopen|umount2|pivot_root)/.test(text)),
    [],
  );
});
