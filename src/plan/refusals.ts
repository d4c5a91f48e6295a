/**
 * What config.json asks for and this version does not do. `create` fails with the first, `explain` lists them all;
 * the plan goes on as if the property were absent.
 * In: Context. Out: refusals in the builder.
 * @module
 */
import type { Context } from "./context.ts";
import { refuseLabels } from "./labels.ts";

/** Notes everything unsupported outside of mounts and cgroups, whose sections do it themselves. */
export function planRefusals(c: Context): void {
  const { process, linux, vm } = c.spec;
  // Nearly every start finds nothing here.
  if (
    process?.apparmorProfile !== undefined ||
    process?.selinuxLabel !== undefined ||
    linux?.mountLabel !== undefined
  ) {
    refuseLabels(c, process);
  }
  if (vm !== undefined && Object.keys(vm).length > 0) c.plan.refuse("/vm", "virtual machines are not supported yet");
}
