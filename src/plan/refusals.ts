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
  const refuse = refuser(c);
  refuseLabels(c, process);
  if (vm !== undefined && Object.keys(vm).length > 0) refuse(vm, "/vm", "virtual machines");
  if (linux === undefined) return;
}

/** One test a property: this runs at every start, and nearly always finds nothing. */
function refuser(c: Context) {
  return (value: unknown, pointer: string, what: string): void => {
    if (value !== undefined) c.plan.refuse(pointer, `${what} are not supported yet`);
  };
}
