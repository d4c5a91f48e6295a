import assert from "node:assert/strict";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import { fullConfig, type Json, type JsonObject } from "./configs.ts";
import { refusalOf } from "./refusals.ts";

type Path = readonly (string | number)[];

/** Every place of a value, the containers too. */
function placesOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    placesOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [path, ...inner];
}

function valueAt(config: Json, path: Path): Json {
  return path.reduce<Json>((value, key) => (value as JsonObject)[key] as Json, config);
}

function replaceAt(config: Json, path: Path, replacement: Json): Json {
  const key = path.at(-1);
  if (key === undefined) return replacement;
  (valueAt(config, path.slice(0, -1)) as JsonObject)[key] = replacement;
  return config;
}

function kindOf(value: Json): string {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

const pointerOf = (path: Path): string => path.map((key) => `/${String(key).replaceAll("/", "~1")}`).join("");

test("parseSpec() takes the full configuration", () => {
  const { process, linux } = parseSpec(JSON.stringify(fullConfig()));
  assert.deepEqual(process, fullConfig()["process"]);
  assert.deepEqual(linux, fullConfig()["linux"]);
  assert.deepEqual(parseSpec(JSON.stringify(fullConfig())), fullConfig());
});

test("parseSpec() refuses each value of the full configuration when it has another type", () => {
  const replacements: readonly Json[] = ["x", 7, 1.5, true, [], {}, [7], { a: 7 }];
  for (const path of placesOf(fullConfig())) {
    const kind = kindOf(valueAt(fullConfig(), path));
    for (const replacement of replacements) {
      if (kindOf(replacement) === kind && replacement !== 1.5) continue;
      const { pointer } = refusalOf(replaceAt(fullConfig(), path, replacement));
      const message = `${pointerOf(path)} = ${JSON.stringify(replacement)} is reported at "${pointer}"`;
      assert.ok(`${pointerOf(path)}/`.startsWith(`${pointer}/`), message);
    }
  }
});

test("parseSpec() takes null for each optional property and refuses it in lists", () => {
  for (const path of placesOf(fullConfig()).slice(1)) {
    const config = JSON.stringify(replaceAt(fullConfig(), path, null));
    try {
      parseSpec(config);
    } catch (error) {
      assert.ok(error instanceof SpecError, `${pointerOf(path)}: ${String(error)}`);
      continue;
    }
    assert.equal(typeof path.at(-1), "string", `${pointerOf(path)} = null was taken`);
  }
});

/** xorshift32: the same numbers in every run. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

test("parseSpec() throws nothing but SpecError, whatever is changed", () => {
  const random = randomFrom(20250);
  const values: readonly Json[] = [null, "", "x", "/", "..", "\0", "é", -1, 0, 2 ** 53, 1e300, -0, true, [], {}, [[]]];
  const places = placesOf(fullConfig()).slice(1);
  for (let round = 0; round < 1500; round++) {
    const config = fullConfig();
    for (let change = 0; change < 3; change++) {
      const path = places[random(places.length)] ?? [];
      try {
        replaceAt(config, path, values[random(values.length)] ?? null);
      } catch {
        // An earlier change has taken this place away.
      }
    }
    const text = JSON.stringify(config);
    try {
      parseSpec(text);
    } catch (error) {
      assert.ok(error instanceof SpecError, `${String(error)} for ${text}`);
    }
  }
});

test("parseSpec() throws nothing but SpecError, wherever the text is cut or damaged", () => {
  const random = randomFrom(4711);
  const whole = JSON.stringify(fullConfig(), null, 1);
  for (let round = 0; round < 1500; round++) {
    const at = random(whole.length);
    const text =
      round % 2 === 0
        ? whole.slice(0, at)
        : whole.slice(0, at) + '{}[],:"\\\u0001x'.charAt(random(11)) + whole.slice(at + 1);
    try {
      parseSpec(text);
    } catch (error) {
      assert.ok(error instanceof SpecError, `${String(error)} for ${text}`);
      assert.doesNotMatch(error.message, /Expected JSON but received/, "the scanner found nothing");
    }
  }
});
