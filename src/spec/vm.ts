/**
 * `vm`: a container inside a virtual machine. In: JSON value. Out: Vm.
 * Spec: config-vm.md
 * @module
 */
import { absolutePath, nonEmpty, object, optional, strings } from "./shapes.ts";

export const vmSchema = object(() => ({
  hypervisor: optional(object(() => ({ path: absolutePath, parameters: optional(strings) }))),
  kernel: object(() => ({ path: absolutePath, parameters: optional(strings), initrd: optional(absolutePath) })),
  image: optional(object(() => ({ path: absolutePath, format: nonEmpty }))),
}));
