/**
 * What a filter answers to calls of the machine's own architecture, before it is loaded. In: Filter, names of calls and
 * what is known of their arguments. Out: every value it can return; whether calls pass.
 *
 * Only what holds whatever the unknown arguments are is taken for certain: where a condition looks at one of them, both
 * ways count.
 * @module
 */
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { ENOSYS, EPERM, RETURN_ALLOW, RETURN_ERRNO, RETURN_LOG, RETURN_USER_NOTIF } from "./actions.ts";
import { type Architecture, architectureOf } from "./architectures.ts";
import {
  AND,
  ARCH_OFFSET,
  ARGUMENTS_OFFSET,
  JUMP,
  JUMP_EQUAL,
  JUMP_GREATER,
  JUMP_GREATER_EQUAL,
  LOAD,
  NUMBER_OFFSET,
  RETURN,
} from "./code.ts";
import type { Filter, Machine } from "./mod.ts";

/** Low halves of arguments; undefined: unknown. The high halves of known ones are 0. */
export type KnownArguments = readonly (number | undefined)[];

export class Verdicts {
  readonly #words: readonly number[];
  readonly #architecture: Architecture;
  readonly #names: readonly string[];

  constructor({ words }: Pick<Filter, "words">, machine: Machine) {
    this.#words = words;
    this.#architecture = architectureOf(machine === "x86_64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64")!;
    this.#names = callNames().split(" ");
  }

  /** Whether it lets the call through, whatever else its arguments are. @param isAsked a supervisor may be asked */
  passes(name: string, known: KnownArguments = [], isAsked = false): boolean {
    const answers = this.answers(name, known);
    for (const answer of answers) {
      if (answer === RETURN_ALLOW || answer === RETURN_LOG) continue;
      if (!isAsked || answer !== RETURN_USER_NOTIF) return false;
    }
    return answers.length > 0;
  }

  /** Whether it answers as a kernel does that has no such call: then an older one is made in its place. */
  isMissing(name: string): boolean {
    const answers = this.answers(name);
    for (const answer of answers) {
      if (answer !== (RETURN_ERRNO | EPERM) && answer !== (RETURN_ERRNO | ENOSYS)) return false;
    }
    return true;
  }

  /** Whether it may answer with this errno. */
  mayFail(name: string, errno: number): boolean {
    return has(this.answers(name), RETURN_ERRNO | errno);
  }

  /** Every value it may return; empty: the architecture has no such call. */
  answers(name: string, known: KnownArguments = []): number[] {
    const index = this.#names.indexOf(name);
    const calls = this.#architecture.calls();
    const found: number[] = [];
    for (let i = 0; i < calls.length; i += 2) {
      if (calls[i + 1] === index) this.#walk(0, 0, calls[i]!, known, found, new Set());
    }
    return found;
  }

  /** From instruction `at` on. @param a the accumulator; undefined: unknown  @param seen where it was that already */
  #walk(
    at: number,
    a: number | undefined,
    number: number,
    known: KnownArguments,
    found: number[],
    seen: Set<number>,
  ): void {
    const words = this.#words;
    for (;;) {
      const operation = words[2 * at]!;
      const k = words[2 * at + 1]! >>> 0;
      at++;
      switch (operation & 0xffff) {
        case LOAD:
          a = this.#loaded(k, number, known);
          break;
        case AND:
          a = a === undefined ? undefined : (a & k) >>> 0;
          break;
        case JUMP:
          at += k;
          break;
        case RETURN:
          if (!has(found, k)) found.push(k);
          return;
        default: {
          const whenTrue = at + ((operation >>> 16) & 0xff);
          const whenFalse = at + (operation >>> 24);
          if (a === undefined) {
            if (seen.has(at)) return;
            seen.add(at);
            this.#walk(whenTrue, a, number, known, found, seen);
          }
          at = a !== undefined && holds(operation & 0xffff, a, k) ? whenTrue : whenFalse;
        }
      }
    }
  }

  /** A word of struct seccomp_data, of a little-endian machine. */
  #loaded(offset: number, number: number, known: KnownArguments): number | undefined {
    if (offset === NUMBER_OFFSET) return number;
    if (offset === ARCH_OFFSET) return this.#architecture.token;
    if (offset < ARGUMENTS_OFFSET) return undefined;
    const low = known[(offset - ARGUMENTS_OFFSET) >> 3];
    return low === undefined || (offset & 4) === 0 ? low : 0;
  }
}

function holds(operation: number, a: number, k: number): boolean {
  switch (operation) {
    case JUMP_EQUAL:
      return a === k;
    case JUMP_GREATER:
      return a > k;
    case JUMP_GREATER_EQUAL:
      return a >= k;
    default:
      throw new RangeError(`BPF operation ${operation}`);
  }
}

/** includes(), which the engine compiles from its source when it is first used. */
function has(list: readonly number[], wanted: number): boolean {
  for (const one of list) if (one === wanted) return true;
  return false;
}
