/**
 * Writes classic BPF from its end to its beginning: jumps only go forwards, so whatever an instruction jumps to is
 * there already and its distance known.
 *
 * Kernel: linux/filter.h; at most 4096 instructions (BPF_MAXINSNS); a conditional jump reaches 255 further.
 *   Only what the kernel's own evaluation of filters at load time understands decides about a number alone
 *   (kernel/seccomp.c, seccomp_is_const_allow): then allowed calls never run the filter (since Linux 5.11).
 * @module
 */

/** Operations: class, size, source and kind added up as linux/bpf_common.h has them. */
export const LOAD = 0x20;
export const JUMP = 0x05;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_GREATER_EQUAL = 0x35;
export const AND = 0x54;
export const RETURN = 0x06;

/** Offsets in struct seccomp_data (linux/seccomp.h). */
export const NUMBER_OFFSET = 0;
export const ARCH_OFFSET = 4;
export const ARGUMENTS_OFFSET = 16;

/**
 * Where to go on: a place in the code, counted from its end; or, negative, an action: ~index into the list of returned
 * values. Actions are resolved at the jump, for a second return nearby is shorter than a long jump.
 */
export type Target = number;

/** Farthest distance before an instruction is put in between; two may be on the way of one jump. */
const reachable = 250;

export class Code {
  /** Values that RETURN gives, by action. */
  readonly values: readonly number[];
  /** First word of struct sock_filter (operation, distances) and second (operand), last instruction first. */
  readonly #operations: number[] = [];
  readonly #operands: number[] = [];
  /** By action: the return that was written last. */
  readonly #returns: number[] = [];

  constructor(values: readonly number[]) {
    this.values = values;
  }

  get length(): number {
    return this.#operations.length;
  }

  /** Appends `if (A ? k) onTrue else onFalse`: its place. */
  jump(operation: number, k: number, onTrue: Target, onFalse: Target): Target {
    // Half of all instructions are written here: what is usual, without a call.
    const operations = this.#operations;
    const returns = this.#returns;
    let whenTrue = onTrue < 0 ? returns[~onTrue] : onTrue;
    if (whenTrue === undefined || operations.length - whenTrue > reachable) whenTrue = this.#near(onTrue);
    let whenFalse = onFalse < 0 ? returns[~onFalse] : onFalse;
    if (whenFalse === undefined || operations.length - whenFalse > reachable) whenFalse = this.#near(onFalse);
    const at = operations.length;
    operations[at] = operation | ((at - 1 - whenTrue) << 16) | ((at - 1 - whenFalse) << 24);
    this.#operands[at] = k;
    return at;
  }

  /** Appends A = word at `offset`, and what comes next: its place. */
  load(offset: number, next: Target): Target {
    this.#follow(next);
    return this.#write(LOAD, offset);
  }

  /** Appends A &= mask, and what comes next: its place. */
  and(mask: number, next: Target): Target {
    this.#follow(next);
    return this.#write(AND, mask);
  }

  /** The instructions in order, two 32-bit words each: struct sock_filter of a little-endian machine. */
  words(): number[] {
    const operations = this.#operations;
    const operands = this.#operands;
    const words: number[] = [];
    for (let i = operations.length - 1, at = 0; i >= 0; i--) {
      words[at++] = operations[i]!;
      words[at++] = operands[i]!;
    }
    return words;
  }

  /** What is executed next stands right behind. */
  #follow(next: Target): void {
    const place = this.#near(next);
    const distance = this.#operations.length - 1 - place;
    if (distance > 0) this.#write(JUMP, distance);
  }

  /** A place that means the target and that a conditional jump reaches. */
  #near(target: Target): number {
    const { length } = this.#operations;
    if (target < 0) {
      const known = this.#returns[~target];
      if (known !== undefined && length - known <= reachable) return known;
      this.#returns[~target] = length;
      return this.#write(RETURN, this.values[~target]!);
    }
    const distance = length - 1 - target;
    return distance <= reachable ? target : this.#write(JUMP, distance);
  }

  #write(operation: number, operand: number): number {
    this.#operands[this.#operations.length] = operand;
    return this.#operations.push(operation) - 1;
  }
}
