/**
 * The tables of config.json and of its limits: every test they name exists, and what is open says why.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configRequirements } from "./config.ts";
import { linuxRequirements } from "./config_linux.ts";
import { resourceRequirements } from "./resources.ts";
import { seccompRequirements } from "./seccomp.ts";
import { errorRequirements, featureRequirements } from "./errors.ts";
import { problems } from "./table.ts";

const tables = {
  "config.json": configRequirements,
  linux: linuxRequirements,
  resources: resourceRequirements,
  seccomp: seccompRequirements,
  errors: errorRequirements,
  features: featureRequirements,
};

for (const [name, table] of Object.entries(tables)) {
  test(`every statement about ${name} has its tests, or a reason why not`, () => {
    assert.deepEqual(
      Object.entries(table).flatMap(([field, entry]) => problems(field, entry)),
      [],
    );
  });
}

test("what is open of config.json says why", () => {
  const open = Object.values(tables).flatMap((table) =>
    Object.entries(table).flatMap(([field, entry]) => (entry.open === undefined ? [] : [field])),
  );
  assert.deepEqual(open, [
    "process.user",
    "process.apparmorProfile, selinuxLabel",
    "linux.mountLabel",
    "linux.intelRdt",
    "blockIO.weight, leafWeight, weightDevice",
    "network.classID, priorities",
    "rdma",
    "architectures",
    "flags",
    "resctrl missing, a schema that differs, a class that is missing, a monitoring group that cannot be made",
    "runc: mappings without a user namespace",
    "runc: a supervisor that is asked about write",
  ]);
});
