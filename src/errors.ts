/**
 * The errors of every room, each with the fact a user needs to act on it.
 * Messages: capital first, no period, strings quoted, the action first and the current value last.
 * @module
 */

/** What any command may fail with; `exitCode` is what the process ends with. */
export class BunkerError extends Error {
  override name = "BunkerError";
  /** Lines printed after the first one on stderr: asked by, because, try. */
  readonly detail: readonly string[];
  /** `exec` changes it: 255 whatever failed. */
  exitCode: number;
  constructor(message: string, detail: readonly string[] = [], exitCode = 1) {
    super(message);
    this.detail = detail;
    this.exitCode = exitCode;
  }
}

/** A wrong command line: unknown command, option or value. */
export class UsageError extends BunkerError {
  override name = "UsageError";
}

/** A wrong config.json; `pointer` is the JSON Pointer of the offending value ("" for the document). */
export class SpecError extends BunkerError {
  override name = "SpecError";
  readonly pointer: string;
  readonly #reason: string;
  /** `document`: what is wrong, where it is not config.json. */
  constructor(pointer: string, message: string, detail: readonly string[] = [], document = "config.json") {
    super(`${document} ${pointer === "" ? "" : `${pointer}: `}${message}`, detail);
    this.pointer = pointer;
    this.#reason = message;
  }

  /** The same error of another document. */
  of(document: string): SpecError {
    return new SpecError(this.pointer, this.#reason, this.detail, document);
  }
}

/** A fact this machine did not give, or a file or directory of it that could not be used. */
export class HostError extends BunkerError {
  override name = "HostError";
}

/** A system call the runtime made by itself failed: `call` as printed, `errno` positive. */
export class SyscallError extends BunkerError {
  override name = "SyscallError";
  readonly call: string;
  readonly errno: number;
  constructor(call: string, errno: number, message: string, detail: readonly string[] = []) {
    super(message, detail);
    this.call = call;
    this.errno = errno;
  }
}

/** A plan that breaks its own rules: always a bug of ours, found by the verifier. */
export class PlanError extends BunkerError {
  override name = "PlanError";
}

/** A call of a plan failed in the kernel: which line, which errno, who asked for it. */
export class StageError extends BunkerError {
  override name = "StageError";
  readonly address: number;
  readonly errno: number;
  readonly pointer: string;
  constructor(message: string, detail: readonly string[], where: { address: number; errno: number; pointer: string }) {
    super(message, detail);
    this.address = where.address;
    this.errno = where.errno;
    this.pointer = where.pointer;
  }
}
