import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { configWith, type Json, type JsonObject, smallConfig } from "./configs.ts";
import { assertRefused, refusalOf } from "./refusals.ts";

const podman = new URL("../fixtures/podman/", import.meta.url);

test("parseSpec() takes what podman writes", () => {
  let count = 0;
  for (const name of readdirSync(podman).sort()) {
    if (!readdirSync(new URL(`${name}/`, podman)).includes("config.json")) continue;
    const text = readFileSync(new URL(`${name}/config.json`, podman), "utf8");
    const written = JSON.parse(text) as JsonObject;
    const spec = parseSpec(text);
    assert.deepEqual(spec.process, written["process"], name);
    assert.deepEqual(spec.mounts, written["mounts"], name);
    assert.deepEqual(spec.linux, written["linux"], name);
    count++;
  }
  assert.ok(count >= 16, `only ${count} configurations`);
});

test("parseSpec() takes every 1.x of runtime-spec and nothing else", () => {
  // MUST config.md#specification-version SemVer
  for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.3.0", "1.99.7", "1.4.0-rc.1+dev", "1.0.0-rc5"]) {
    assert.equal(parseSpec(JSON.stringify({ ...smallConfig(), ociVersion })).ociVersion, ociVersion);
  }
  for (const ociVersion of ["", "1", "1.0", "1.0.0.0", "2.0.0", "0.9.0", "v1.0.0", "1.0.00", "1.0.0 ", "1.02.0"]) {
    assertRefused(
      { ...smallConfig(), ociVersion },
      "/ociVersion",
      `Expected a version "1.x.y" of runtime-spec but received "${ociVersion}"`,
    );
  }
});

test("parseSpec() names missing properties", () => {
  const missing: readonly [Json, string][] = [
    [{ root: { path: "x" } }, "/ociVersion"],
    [{ ociVersion: "1.0.0" }, "/root"],
    [{ ociVersion: "1.0.0", root: {} }, "/root/path"],
    [{ ociVersion: "1.0.0", root: null }, "/root"],
  ];
  for (const [config, pointer] of missing) assertRefused(config, pointer, "Required but missing");
});

test("parseSpec() lists some further problems after the first", () => {
  const error = refusalOf({ ociVersion: 1, hostname: 2, domainname: 3, mounts: 4, hooks: 5, annotations: 6 });
  assert.equal(error.pointer, "/ociVersion");
  assert.deepEqual(error.detail, [
    "also /root: Required but missing",
    "also /hostname: Expected a string but received 2",
    "also /domainname: Expected a string but received 3",
    "also /mounts: Expected an array but received 4",
    "and 2 more",
  ]);
});

test("parseSpec() ignores properties it does not know", () => {
  // MUST config.md#extensibility
  const spec = parseSpec(
    JSON.stringify({
      ...smallConfig(),
      windows: { a: 1 },
      unknown: [[]],
      toString: 1,
      __proto__x: 1,
      linux: { new: 1 },
    }),
  );
  assert.deepEqual(Object.keys(spec).sort(), ["linux", "ociVersion", "process", "root"]);
  assert.deepEqual(spec.linux, {});
});

test("parseSpec() is not confused by names of Object.prototype", () => {
  const text = JSON.stringify(smallConfig()).replace("{", '{"__proto__":{"hostname":"x"},"constructor":1,');
  assert.equal(parseSpec(text).hostname, undefined);
});

test("parseSpec() takes null and, for optional text, empty as absent", () => {
  const config = configWith({
    hostname: "",
    domainname: null,
    hooks: null,
    annotations: null,
    process: { apparmorProfile: "", selinuxLabel: "", env: null, capabilities: null, rlimits: null },
    mounts: [{ destination: "/proc", type: "proc", source: "", options: null }],
    linux: {
      namespaces: [{ type: "mount", path: "" }],
      rootfsPropagation: "",
      cgroupsPath: "",
      mountLabel: "",
      seccomp: null,
      resources: { devices: [{ allow: false, type: "", major: null, access: "" }], cpu: { cpus: "", mems: "" } },
    },
  });
  const spec = parseSpec(JSON.stringify(config));
  assert.deepEqual(spec.linux, {
    namespaces: [{ type: "mount" }],
    resources: { devices: [{ allow: false }], cpu: {} },
  });
  assert.deepEqual(spec.mounts, [{ destination: "/proc", type: "proc" }]);
  assert.deepEqual(Object.keys(spec.process ?? {}).sort(), ["args", "cwd", "user"]);
});

test("parseSpec() keeps empty mount options, environment values and annotations", () => {
  const config = configWith({
    mounts: [{ destination: "/a", options: ["", "ro", ""] }],
    annotations: { a: "" },
  });
  const spec = parseSpec(JSON.stringify(config));
  assert.deepEqual(spec.mounts?.[0]?.options, ["", "ro", ""]);
  assert.deepEqual(spec.annotations, { a: "" });
});

test("parseSpec() refuses annotations without a name or with a value that is no text", () => {
  const unnamed = refusalOf({ ...smallConfig(), annotations: { "": "x" } });
  assert.equal(unnamed.pointer, "/annotations/");
  assertRefused(
    { ...smallConfig(), annotations: { "a/b": 1 } },
    "/annotations/a~1b",
    "Expected a string but received 1",
  );
});

// config.md#annotations: engines hand on what the image says
test("parseSpec() takes annotations of the image, and any other of a reversed domain", () => {
  const image = "os architecture variant os.version os.features author created stopSignal exposedPorts".split(" ");
  const names = [
    ...image.map((name) => `org.opencontainers.image.${name}`),
    "org.opencontainers.new",
    "com.example.a/b",
  ];
  const annotations = Object.fromEntries(names.map((name) => [name, ""]));
  assert.deepEqual(parseSpec(JSON.stringify(configWith({ annotations }))).annotations, annotations);
});

test("parseSpec() refuses NUL bytes wherever the kernel would see them", () => {
  const places: readonly [JsonObject, string][] = [
    [{ root: { path: "a\0b" } }, "/root/path"],
    [{ hostname: "\0" }, "/hostname"],
    [{ process: { args: ["a", "b\0"] } }, "/process/args/1"],
    [{ process: { env: ["A=\0"] } }, "/process/env/0"],
    [{ process: { cwd: "/\0" } }, "/process/cwd"],
    [{ mounts: [{ destination: "/a", options: ["x", "\0"] }] }, "/mounts/0/options/1"],
    [{ linux: { sysctl: { "net.a": "\0" } } }, "/linux/sysctl/net.a"],
    [{ linux: { maskedPaths: ["/\0"] } }, "/linux/maskedPaths/0"],
    [{ linux: { cgroupsPath: "/a\0" } }, "/linux/cgroupsPath"],
  ];
  for (const [changes, pointer] of places) {
    const error = refusalOf(configWith({ ...changes }));
    assert.equal(error.pointer, pointer);
    assert.match(error.message, /Expected text without NUL bytes but received ".*\\u0000.*"$/);
  }
  const key = refusalOf(configWith({ linux: { sysctl: { "net.\0": "1" } } }));
  assert.equal(key.pointer, "/linux/sysctl");
});

test("parseSpec() takes NUL bytes in annotations and unknown properties, and the escape as text", () => {
  const config = { ...smallConfig(), annotations: { a: "\0" }, unknown: "\0" };
  assert.deepEqual(parseSpec(JSON.stringify(config)).annotations, { a: "\0" });
  const process = { args: ["\\u0000"], cwd: "/" };
  assert.deepEqual(parseSpec(JSON.stringify({ ...smallConfig(), process })).process?.args, ["\\u0000"]);
});

test("parseSpec() shortens long values in messages", () => {
  const { message } = refusalOf(configWith({ process: { cwd: "x".repeat(5000) } }));
  assert.ok(message.length < 200, message);
});
