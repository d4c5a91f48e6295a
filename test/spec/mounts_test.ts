import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { configWith, type JsonObject } from "./configs.ts";
import { assertRefused } from "./refusals.ts";

/** Asserts how the second of two mounts is refused. */
function assertRefusedMount(mount: JsonObject, pointer: string, message: string): void {
  const config = configWith({ mounts: [{ destination: "/proc", type: "proc" }, mount] });
  assertRefused(config, `/mounts/1${pointer}`, message);
}

test("parseSpec() counts relative destinations from the root", () => {
  const mounts = [{ destination: "proc" }, { destination: "./a/../b" }, { destination: "/sys" }];
  const spec = parseSpec(JSON.stringify(configWith({ mounts })));
  assert.deepEqual(
    spec.mounts?.map(({ destination }) => destination),
    ["/proc", "/./a/../b", "/sys"],
  );
});

test("parseSpec() names wrong properties of a mount", () => {
  assertRefusedMount({}, "/destination", "Required but missing");
  assertRefusedMount({ destination: "" }, "/destination", 'Expected a string that is not empty but received ""');
  assertRefusedMount({ destination: "/a", options: "ro" }, "/options", 'Expected an array but received "ro"');
  assertRefusedMount({ destination: "/a", options: ["ro", 1] }, "/options/1", "Expected a string but received 1");
  assertRefusedMount({ destination: "/a", source: 1 }, "/source", "Expected a string but received 1");
});

test("parseSpec() keeps unknown mount options", () => {
  const options = ["size=64k", "x-unknown", "idmap=uids=0-1-1"];
  const spec = parseSpec(JSON.stringify(configWith({ mounts: [{ destination: "/a", options }] })));
  assert.deepEqual(spec.mounts?.[0]?.options, options);
});

test("parseSpec() refuses one of two mappings, and idmap with none", () => {
  const mapping = [{ containerID: 0, hostID: 0, size: 1 }];
  const mount = { destination: "/a", source: "/b", options: ["bind", "idmap"] };
  // MUST config.md#posix-platform-mounts
  assertRefusedMount(
    { ...mount, uidMappings: mapping },
    "/gidMappings",
    "Expected a mapping because uidMappings has one but received nothing",
  );
  assertRefusedMount(
    { ...mount, gidMappings: mapping, uidMappings: [] },
    "/uidMappings",
    "Expected a mapping because gidMappings has one but received nothing",
  );
  assertRefusedMount(
    mount,
    "/options/1",
    'Expected uidMappings and gidMappings of the mount, or a user namespace, for the option "idmap"',
  );
  const mapped = configWith({ mounts: [{ ...mount, uidMappings: mapping, gidMappings: mapping }] });
  assert.deepEqual(parseSpec(JSON.stringify(mapped)).mounts?.[0]?.uidMappings, mapping);
});
