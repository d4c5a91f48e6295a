/**
 * `vm`: a container inside a virtual machine. In: JSON value. Out: Vm.
 * Spec: config-vm.md
 * @module
 */
import * as v from "valibot";
import { absolutePath, nonEmpty, strings } from "./scalars.ts";

export const vmSchema = v.lazy(() =>
  v.object({
    hypervisor: v.optional(v.object({ path: absolutePath, parameters: v.optional(strings) })),
    kernel: v.object({ path: absolutePath, parameters: v.optional(strings), initrd: v.optional(absolutePath) }),
    image: v.optional(v.object({ path: absolutePath, format: nonEmpty })),
  }),
);
