/**
 * How schemas are built here: objects, maps, choices and lists, each made at first use, because a configuration
 * uses few of the sections there are and a run of the program parses one configuration.
 * In: entries, values or tests. Out: valibot schemas; messages are the expectation as a noun phrase.
 * On the common way there is no regular expression, v.picklist, forEach, TextEncoder, iteration over text:
 * each costs 25 to 150 µs at its first use, and there is only a first one.
 * @module
 */
import * as v from "valibot";

type Run = v.GenericSchema["~run"];

/** One function for all: valibot's own makes three for each schema, and a configuration takes a hundred. */
const runOptional: Run = function (this: v.OptionalSchema<v.GenericSchema, unknown>, dataset, config) {
  if (dataset.value === undefined) {
    dataset.value = this.default;
    if (this.default === undefined) {
      (dataset as { typed: boolean }).typed = true;
      return dataset as unknown as ReturnType<Run>;
    }
  }
  return this.wrapped["~run"](dataset, config);
};

/** As v.optional(), without what only "Standard Schema" asks for. */
export function optional<const S extends v.GenericSchema>(wrapped: S): v.OptionalSchema<S, undefined>;
export function optional<const S extends v.GenericSchema, const D extends v.InferInput<S>>(
  wrapped: S,
  value: D,
): v.OptionalSchema<S, D>;
export function optional(wrapped: v.GenericSchema, value?: unknown): unknown {
  return {
    kind: "schema",
    type: "optional",
    reference: v.optional,
    expects: "",
    async: false,
    wrapped,
    default: value,
    "~run": runOptional,
  };
}

/** valibot takes an array for an object; JSON does not. */
const refusedArray = v.custom<never>(() => false, "an object");

/** An object with these properties; others are dropped. */
export function object<const E extends v.ObjectEntries>(entries: () => E): v.LazySchema<v.ObjectSchema<E, undefined>> {
  let made: v.ObjectSchema<E, undefined> | undefined;
  return v.lazy((input) => {
    if (Array.isArray(input)) return refusedArray as unknown as v.ObjectSchema<E, undefined>;
    return (made ??= v.object(entries()));
  });
}

/** An object of any names that are not empty, with values of one kind. */
export function mapOf<T>(value: v.GenericSchema<unknown, T>): v.GenericSchema<unknown, Record<string, T>> {
  let made: v.GenericSchema<unknown, Record<string, T>> | undefined;
  return v.lazy((input) => {
    if (Array.isArray(input)) return refusedArray;
    return (made ??= v.record(nonEmpty, value));
  });
}

/** One of some words. */
export function oneOf<const T extends readonly string[]>(words: T): v.GenericSchema<T[number]> {
  return v.custom<T[number]>(
    (value) => words.includes(value as string),
    () => `one of ${words.map((word) => `"${word}"`).join(", ")}`,
  );
}

/** Text of at least one character. */
export const nonEmpty = v.custom<string>(
  (value) => typeof value === "string" && value !== "",
  "a string that is not empty",
);

const isAbsolute = (path: string): boolean => path.charCodeAt(0) === 0x2f;

/** A path from "/". */
export const absolutePath = v.custom<string>(
  (value) => typeof value === "string" && isAbsolute(value),
  "an absolute path",
);

/** Text that passes a test. */
export function text(isRight: (value: string) => boolean, expected: string): v.GenericSchema<string> {
  return v.custom<string>((value) => typeof value === "string" && isRight(value), expected);
}

/**
 * An array of texts that all pass one test, checked in one loop: valibot's own array makes an object for each item,
 * and configurations hold hundreds of strings. The issue points at the first wrong item.
 */
export function listOf(isItem: ((item: string) => boolean) | undefined, expected: string): v.GenericSchema<string[]> {
  return v.pipe(
    v.custom<string[]>((value) => Array.isArray(value), "an array"),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const list = dataset.value;
      for (let index = 0; index < list.length; index++) {
        const item: unknown = list[index];
        if (typeof item === "string" && (isItem === undefined || isItem(item))) continue;
        addIssue({
          message: expected,
          input: item,
          path: [{ type: "array", origin: "value", input: list, key: index, value: item }],
        });
        return;
      }
    }),
  );
}

/** An array of strings, empty ones among them (podman writes empty mount options). */
export const strings = listOf(undefined, "a string");
/** An array of paths from "/". */
export const absolutePaths = listOf(isAbsolute, "an absolute path");
/** "NAME=value" entries; the name is not empty. */
export const environment = listOf((item) => item.indexOf("=") > 0, 'a string of the form "NAME=value"');
