import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, planOf } from "./planning.ts";

// config.md#mounts: "in the listed order"
test("planMounts() clones a source that an earlier mount covers when that is there, and no other", () => {
  const sideOf = (root: string, ...mounts: object[]): string => {
    const plan = planOf({ root: { path: root }, mounts });
    const calls = callsOf(plan);
    const at = calls.findIndex(
      ({ call, from }) => call === "open_tree" && from === `/mounts/${mounts.length - 1}/source`,
    );
    const before = calls.findIndex(({ call, from }) => call === "move_mount" && from === "/mounts/0");
    return `${calls[at]!.side} ${at < before ? "before" : "after"}`;
  };
  const of = (source: string, destination: string, ...options: string[]) => ({ source, destination, options });
  const first = of("/srv", "/mnt", "bind");
  assert.equal(sideOf("rootfs", first, of("/bundle/rootfs/mnt", "/b", "rbind")), "stage after");
  assert.equal(sideOf("rootfs", first, of("rootfs//mnt/./x/", "/b", "bind")), "stage after");
  assert.equal(sideOf("rootfs", first, of("/bundle/rootfs", "/b", "rbind")), "stage after");
  assert.equal(sideOf("rootfs", first, of("/bundle/rootfs", "/b", "bind")), "runtime before");
  assert.equal(sideOf("rootfs", first, of("/bundle/rootfs/mnt2", "/b", "rbind")), "runtime before");
  assert.equal(sideOf("rootfs", first, of("/mnt", "/b", "rbind")), "runtime before");
  assert.equal(sideOf("rootfs", first, of("/", "/b", "rbind")), "runtime before");
  assert.equal(sideOf("/", first, of("/mnt", "/b", "rbind")), "runtime before");
  const remount = { destination: "/mnt", type: "bind", options: ["bind", "remount", "ro"] };
  assert.equal(sideOf("rootfs", remount, of("/bundle/rootfs/mnt", "/b", "bind")).split(" ")[0], "runtime");
});

test("planMounts() refuses to map the ids of a source that is cloned late", () => {
  const ids = [{ containerID: 0, hostID: 1, size: 1 }];
  const late = {
    source: "/bundle/rootfs/mnt",
    destination: "/b",
    options: ["bind"],
    uidMappings: ids,
    gidMappings: ids,
  };
  const { refusals } = planOf({ mounts: [{ source: "/srv", destination: "/mnt", options: ["bind"] }, late] });
  assert.equal(refusals[0]?.pointer, "/mounts/1/source");
});
