/**
 * Refuses NUL bytes in text that reaches the kernel: there a string ends at the first one, so that
 * "/data\u0000/../.." would name something else than was checked.
 * In: Spec, or a part of it. Out: nothing, or a SpecError naming the string.
 * @module
 */
import { SpecError } from "../errors.ts";
import { pointerStep } from "./pointer.ts";

/**
 * `text` is the source of `spec`: JSON can write NUL only as an escape, so most texts need no walk.
 * Annotations are left out: they go into JSON again, never to the kernel.
 */
export function refuseNul(spec: object, text: string): void {
  if (text.includes("\\u0000")) findNul(spec);
}

function findNul(spec: object): void {
  const { annotations: _, ...rest } = spec as { readonly annotations?: unknown };
  const pending: { value: unknown; pointer: string }[] = [{ value: rest, pointer: "" }];
  while (pending.length > 0) {
    const { value, pointer } = pending.pop() ?? { value: undefined, pointer: "" };
    if (typeof value === "string" && value.includes("\0")) {
      throw new SpecError(pointer, `Expected text without NUL bytes but received ${JSON.stringify(value)}`);
    }
    if (typeof value !== "object" || value === null) continue;
    for (const [key, item] of Object.entries(value).reverse()) {
      if (key.includes("\0")) {
        throw new SpecError(pointer, `Expected names without NUL bytes but received ${JSON.stringify(key)}`);
      }
      pending.push({ value: item, pointer: pointer + pointerStep(key) });
    }
  }
}
