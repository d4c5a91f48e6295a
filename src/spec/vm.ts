/**
 * `vm`: a container inside a virtual machine. In: JSON value. Out: Vm.
 * Spec: config-vm.md
 * @module
 */
import * as v from "valibot";
import { absolutePath, nonEmpty, object, strings } from "./shapes.ts";

export const vmSchema = object(() => ({
  hypervisor: v.optional(object(() => ({ path: absolutePath, parameters: v.optional(strings) }))),
  kernel: object(() => ({ path: absolutePath, parameters: v.optional(strings), initrd: v.optional(absolutePath) })),
  image: v.optional(object(() => ({ path: absolutePath, format: nonEmpty }))),
}));
