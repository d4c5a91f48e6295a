/**
 * Asserts how parseSpec() refuses a configuration. In: configuration, pointer, part of the message.
 */
import assert from "node:assert/strict";
import { SpecError } from "../../src/errors.ts";
import { parseSpec } from "../../src/spec/mod.ts";

/** The SpecError parseSpec() throws for a value or a text; anything else fails the test. */
export function refusalOf(config: unknown): SpecError {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  try {
    parseSpec(text);
  } catch (error) {
    assert.ok(error instanceof SpecError, `Expected a SpecError but received ${String(error)}`);
    return error;
  }
  return assert.fail(`Expected a refusal of ${text.slice(0, 500)}`);
}

/** Asserts pointer and whole message (without the "config.json POINTER: " before it). */
export function assertRefused(config: unknown, pointer: string, message: string): void {
  const error = refusalOf(config);
  assert.equal(error.pointer, pointer);
  assert.equal(error.message, `config.json ${pointer === "" ? "" : `${pointer}: `}${message}`);
}
