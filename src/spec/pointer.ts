/**
 * JSON Pointers (RFC 6901). In: keys. Out: text such as "/mounts/3/options".
 * @module
 */

/** One key as a step of a pointer, with its slash. */
export function pointerStep(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Keys from the document downwards as a pointer; none: "". */
export function pointerTo(...keys: readonly (string | number)[]): string {
  return keys.map(pointerStep).join("");
}
