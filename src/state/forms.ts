/**
 * Forms of JSON values, written down as data, and whether a value has one. In: a value, a Form. Out: what is wrong.
 * In the place of valibot where a record is read on the way of a start: its schemas take ten times as long to be made
 * and run, the first time, and there is only a first one.
 * @module
 */

/**
 * - `text`, `flag`, `any`: what they say
 * - `word`: text without a NUL, where the kernel would end it; `path`: one that is absolute
 * - `count`: an integer from 0 on, exactly as it was written
 * - `number`: any, rounded ones too
 * - `[form]`: a list of these
 * - `{ name: form }`: an object with these members; others may be there. A name that ends in `?` may be absent;
 *   `*` stands for every other name
 */
export type Form = keyof typeof expectations | readonly [Form] | { readonly [name: string]: Form };

/** JSON Pointer and expectation of the first value that has not the form, "" where all have. */
export function findFault(value: unknown, form: Form, pointer = ""): string {
  if (typeof form === "string") return isOf(value, form) ? "" : `${pointer}: expected ${expectations[form]}`;
  if (Array.isArray(form)) return findInList(value, form[0] as Form, pointer);
  return findInObject(value, form as { readonly [name: string]: Form }, pointer);
}

const expectations = {
  text: "text",
  word: "text without a NUL",
  path: "an absolute path",
  flag: "true or false",
  count: "an integer from 0 on",
  number: "a number",
  any: "anything",
};

function isOf(value: unknown, form: keyof typeof expectations): boolean {
  switch (form) {
    case "text":
      return typeof value === "string";
    case "word":
      return typeof value === "string" && !value.includes("\0");
    case "path":
      return typeof value === "string" && value.startsWith("/") && !value.includes("\0");
    case "flag":
      return typeof value === "boolean";
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "number":
      return typeof value === "number";
    case "any":
      return value !== undefined;
  }
}

function findInList(value: unknown, form: Form, pointer: string): string {
  if (!Array.isArray(value)) return `${pointer}: expected a list`;
  for (let i = 0; i < value.length; i++) {
    const fault = findFault(value[i], form, `${pointer}/${i}`);
    if (fault !== "") return fault;
  }
  return "";
}

function findInObject(value: unknown, form: { readonly [name: string]: Form }, pointer: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${pointer}: expected an object`;
  const members = value as Record<string, unknown>;
  for (const key in form) {
    if (key === "*") continue;
    const isOptional = key.endsWith("?");
    const name = isOptional ? key.slice(0, -1) : key;
    // Of an object's own: what every object inherits ("constructor") is nothing that was written.
    const member = Object.hasOwn(members, name) ? members[name] : undefined;
    // Writers in Go say null for what is absent.
    if (isOptional && (member === undefined || member === null)) continue;
    const fault = findFault(member, form[key]!, `${pointer}/${name}`);
    if (fault !== "") return fault;
  }
  const others = form["*"];
  if (others === undefined) return "";
  for (const name in members) {
    if (members[name] === null) continue;
    const fault = findFault(members[name], others, `${pointer}/${name}`);
    if (fault !== "") return fault;
  }
  return "";
}
