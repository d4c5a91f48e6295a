/**
 * Makes a container up to its start, as `run` does, and throws it away: what no probe of single calls can tell.
 * Input: a config. Output: nothing, or the error `run` would end with.
 * Nothing of it is seen outside: no state, no cgroup; its root is a tmpfs in a mount namespace that ends with it.
 * @module
 */
import { BunkerError } from "../errors.ts";
import { probeHost } from "../host/mod.ts";
import { planCreate } from "../plan/mod.ts";
import type { PlanOptions } from "../plan/host.ts";
import { splitPlan } from "../program/split.ts";
import { parseSpec } from "../spec/mod.ts";
import { makeStageFile } from "../stage/program.ts";
import { socketPair } from "../stage/sockets.ts";
import { close } from "../stage/sys.ts";
import { bear, begin, closeInherited, endStage, inheritedFds, prepare } from "./birth.ts";
import { checkRefusals } from "./load.ts";
import { accompany, awaitEvent } from "./settle.ts";
import { events } from "../../syscalls/ops.ts";
import type { RuntimeOptions } from "./types.ts";

const options: PlanOptions = {
  verb: "run",
  id: "check",
  bundle: "/",
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  cgroupManager: "disabled",
  console: "none",
};

/** Tries a config; the error that creating its container ended with. */
export function tryContainer(rt: RuntimeOptions, config: object): BunkerError | undefined {
  try {
    make(rt, config);
    return undefined;
  } catch (error) {
    if (error instanceof BunkerError) return error;
    throw error;
  }
}

function make(rt: RuntimeOptions, config: object): void {
  const spec = parseSpec(JSON.stringify(config));
  const host = probeHost(spec);
  const plan = planCreate(spec, host, options);
  checkRefusals({ plan });
  const split = splitPlan(plan);
  const [sync, theirs] = socketPair();
  const file = makeStageFile();
  try {
    const prepared = prepare(plan, spec, split, {});
    const begun = { spec, plan, ...begin(spec, host) };
    const inherit = inheritedFds(plan, prepared, [theirs], 0);
    let stage = bear(begun, { split, prepared, stage: file, inherit, sync: { ours: sync, stages: theirs } });
    try {
      closeInherited(plan, split, prepared);
      close(theirs);
      stage = accompany(rt, begun, { ...stage, sync, split, prepared });
      awaitEvent(rt, { plan, spec }, { ...stage, sync }, events.READY);
    } finally {
      endStage(stage.pidfd);
    }
  } finally {
    close(file);
    close(sync);
  }
}
