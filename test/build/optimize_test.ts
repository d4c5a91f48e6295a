import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutPrivateNames } from "../../build/optimize.ts";
import { withoutExit } from "../../build/order.ts";

test("withoutPrivateNames() changes private names and nothing that only looks like one", () => {
  const text = [
    "class A { #a = 1; static #b = 2; #c() { return this.#a + A.#b } has(o) { return #a in o }",
    't() { return "this.#a" + `#a ${this?.#a} #b` + /#a/.source; } } // #a',
  ].join("\n");
  assert.equal(
    withoutPrivateNames(text),
    [
      'class A { private$a = 1; static private$b = 2; private$c() { return this.private$a + A.private$b } has(o) { return "private$a" in o }',
      't() { return "this.#a" + `#a ${this?.private$a} #b` + /#a/.source; } } // #a',
    ].join("\n"),
  );
});

test("withoutPrivateNames() refuses a text that has such names already", () => {
  assert.throws(() => withoutPrivateNames("let private$a"), /private\$/);
});

test("withoutExit() lets a text end by itself, whatever its names were made into", () => {
  assert.equal(withoutExit('function e(c){$s("exit_group",c)}'), 'function e(c){(c < 0 && $s("exit_group", c))}');
  assert.throws(() => withoutExit("process.exit(code)"), /exit_group/);
});
