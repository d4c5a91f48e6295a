/**
 * Rules between limits of `linux.resources` that hold on every machine. In: Resources. Out: nothing, or a SpecError.
 * Spec: config-linux.md#control-groups; -1 is "no limit", 0 mostly "not set" (writers in Go leave it there)
 * @module
 */
import { SpecError } from "../errors.ts";
import { describeValue } from "./issues.ts";
import { pointerTo } from "./pointer.ts";
import type { Resources } from "./types.ts";

/** All rules; the first that is broken is the error. @param isUpdate what is not set stays as it is */
export function validateResources(resources: Resources, isUpdate = false): void {
  const fail = (steps: readonly (string | number)[], expected: string, value: unknown): never => {
    throw new SpecError(`${base}${pointerTo(...steps)}`, `${expected} but received ${describeValue(value)}`);
  };
  validateMemory(resources.memory, isUpdate, fail);
  validateCpu(resources.cpu, fail);
  validateWeights(resources.blockIO, fail);
  for (const device in resources.rdma) {
    const { hcaHandles, hcaObjects } = resources.rdma[device]!;
    // MUST config-linux.md#rdma: at least one
    if (hcaHandles === undefined && hcaObjects === undefined) {
      throw new SpecError(
        `${base}${pointerTo("rdma", device)}`,
        "Expected hcaHandles or hcaObjects but received neither",
      );
    }
  }
  for (const file in resources.unified) {
    if (file.includes("/") || !file.includes(".") || file.startsWith(".")) {
      fail(["unified", file], 'Expected a name such as "memory.max", without "/"', file);
    }
  }
}

const base = "/linux/resources";

type Fail = (steps: readonly (string | number)[], expected: string, value: unknown) => never;

function validateMemory(memory: Resources["memory"], isUpdate: boolean, fail: Fail): void {
  if (memory === undefined) return;
  for (const key of ["limit", "reservation", "swap"] as const) {
    const value = memory[key];
    if (value !== undefined && value < -1) fail(["memory", key], "Expected bytes, or -1 for no limit,", value);
  }
  const { limit = 0, swap = 0 } = memory;
  if (limit > 0 && swap > 0 && swap < limit) {
    fail(["memory", "swap"], `Expected at least the limit, ${limit}, as it is memory and swap together,`, swap);
  }
  // MUST config-linux.md#memory: not without a limit of memory
  if (swap > 0 && (limit === -1 || (limit === 0 && !isUpdate))) {
    fail(["memory", "swap"], "Expected -1 because memory itself has no limit,", swap);
  }
}

/** A quota below leaves no room for bursts (cpu.max.burst, sched-bwc.rst). */
function validateCpu(cpu: Resources["cpu"], fail: Fail): void {
  if (cpu === undefined) return;
  const { burst = 0, quota = 0, idle, shares = 0 } = cpu;
  if (quota > 0 && burst > quota) fail(["cpu", "burst"], `Expected at most the quota, ${quota},`, burst);
  if (idle !== undefined && idle !== 0 && idle !== 1) fail(["cpu", "idle"], "Expected 0 or 1", idle);
  if (idle === 1 && shares !== 0) fail(["cpu", "shares"], "Expected none because an idle cgroup has none,", shares);
}

const weights = { min: 10, max: 1000 };

function validateWeights(blockIO: Resources["blockIO"], fail: Fail): void {
  if (blockIO === undefined) return;
  const check = (weight: number | undefined, steps: readonly (string | number)[]): void => {
    if (weight === undefined || weight === 0 || (weight >= weights.min && weight <= weights.max)) return;
    fail(["blockIO", ...steps], `Expected an integer from ${weights.min} to ${weights.max}`, weight);
  };
  check(blockIO.weight, ["weight"]);
  check(blockIO.leafWeight, ["leafWeight"]);
  const devices = blockIO.weightDevice ?? [];
  for (let index = 0; index < devices.length; index++) {
    check(devices[index]!.weight, ["weightDevice", index, "weight"]);
    check(devices[index]!.leafWeight, ["weightDevice", index, "leafWeight"]);
  }
}
