/**
 * Limits that no machine could keep.
 * @module
 */
import { test } from "node:test";
import { configWith, type JsonObject } from "./configs.ts";
import { assertRefused } from "./refusals.ts";
import { parseSpec } from "../../src/spec/mod.ts";

test("parseSpec() refuses limits that contradict each other or have no meaning", () => {
  const refused: readonly [JsonObject, string, string][] = [
    [{ memory: { limit: -2 } }, "/memory/limit", "Expected bytes, or -1 for no limit, but received -2"],
    [
      { memory: { limit: 10, swap: 9 } },
      "/memory/swap",
      "Expected at least the limit, 10, as it is memory and swap together, but received 9",
    ],
    [
      { memory: { limit: -1, swap: 9 } },
      "/memory/swap",
      "Expected -1 because memory itself has no limit, but received 9",
    ],
    [{ memory: { swap: 9 } }, "/memory/swap", "Expected -1 because memory itself has no limit, but received 9"],
    [{ cpu: { quota: 5000, burst: 5001 } }, "/cpu/burst", "Expected at most the quota, 5000, but received 5001"],
    [{ cpu: { idle: 2 } }, "/cpu/idle", "Expected 0 or 1 but received 2"],
    [{ cpu: { idle: 1, shares: 10 } }, "/cpu/shares", "Expected none because an idle cgroup has none, but received 10"],
    [{ blockIO: { weight: 9 } }, "/blockIO/weight", "Expected an integer from 10 to 1000 but received 9"],
    [
      { blockIO: { weightDevice: [{ major: 1, minor: 2, leafWeight: 1001 }] } },
      "/blockIO/weightDevice/0/leafWeight",
      "Expected an integer from 10 to 1000 but received 1001",
    ],
    [{ rdma: { mlx: {} } }, "/rdma/mlx", "Expected hcaHandles or hcaObjects but received neither"],
    [
      { unified: { "a/b.max": "1" } },
      "/unified/a~1b.max",
      'Expected a name such as "memory.max", without "/" but received "a/b.max"',
    ],
    [
      { unified: { memory: "1" } },
      "/unified/memory",
      'Expected a name such as "memory.max", without "/" but received "memory"',
    ],
  ];
  for (const [resources, pointer, message] of refused) {
    assertRefused(configWith({ linux: { resources } }), `/linux/resources${pointer}`, message);
  }
});

test("parseSpec() takes limits that ask for nothing", () => {
  const resources = {
    memory: { limit: 0, swap: -1, reservation: -1 },
    cpu: { burst: 0, idle: 0, shares: 0 },
    blockIO: { weight: 0, weightDevice: [{ major: 1, minor: 2 }] },
    rdma: {},
    unified: {},
  };
  parseSpec(JSON.stringify(configWith({ linux: { resources } })));
});
