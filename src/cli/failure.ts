/**
 * Says what went wrong: to standard error in one write, first the message, then the details; and to the log.
 * Input: what was thrown. Output: the exit code.
 * @module
 */
import { BunkerError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { writeWithin } from "../stage/patient_write.ts";
import { flags, stable, sys } from "../stage/sys.ts";
import type { Globals } from "./globals.ts";

/** conmon reads standard error once, 8 KiB: what does not fit is lost, so it is cut here, visibly. */
const maxBytes = 8000;

/** For a reader of the error: nothing is held any more but, in the foreground, signals, which must end this too. */
const patienceMs = 10_000;

/** Reports the failure; `log` is missing where the log itself could not be opened. */
export function reportFailure(error: unknown, globals: Globals, log: Logger | undefined): number {
  const { message, detail, exitCode } = describe(error, globals.debug);
  if (log !== undefined && globals.log === undefined && globals.logFormat === "json") {
    // JSON was asked for and there is no other place: whoever reads standard error parses it.
    attempt(() => log.error(logText(message, detail)));
    attempt(() => log.flush());
    return exitCode;
  }
  if (log !== undefined && globals.log !== undefined) attempt(() => log.error(logText(message, detail)));
  // ignored: there is no other place to tell it
  attempt(() => writeWithin(2, failureText(message, detail, log?.takeWaiting()), patienceMs));
  return exitCode;
}

/** The text for people: `bunker: <message>`, then the details indented, then the warnings there were. */
export function failureText(message: string, detail: readonly string[], warnings = ""): string {
  const lines = detail.flatMap((line) => line.split("\n")).map((line) => `  ${line}\n`);
  const text = `bunker: ${message}\n${lines.join("")}${warnings}`;
  const bytes = new TextEncoder().encode(text);
  return bytes.length <= maxBytes ? text : `${new TextDecoder().decode(bytes.subarray(0, maxBytes))} …\n`;
}

/**
 * The text for a log, which has one field for it: the message, then because and try, as runc appends its hint. podman,
 * containerd and CRI-O show nothing else. The call stays out: podman decides between 126 and 127 by the words of this
 * text ("permission denied", "no such file or directory"), and a call ends in the words of its own errno.
 */
export function logText(message: string, detail: readonly string[]): string {
  const parts = [message];
  for (const line of detail) {
    const label = /^(because|try) +/.exec(line);
    if (label !== null) parts.push(`${label[1]}${label[1] === "try" ? ":" : ""} ${line.slice(label[0].length)}`);
  }
  const text = parts.join("; ").replaceAll("\n", "\\n");
  const bytes = new TextEncoder().encode(text);
  return bytes.length <= maxBytes ? text : `${new TextDecoder().decode(bytes.subarray(0, maxBytes))} …`;
}

function describe(error: unknown, debug: boolean): { message: string; detail: readonly string[]; exitCode: number } {
  // A message of one line, whatever a file name or a config value brought along.
  const line = (text: string) => text.replaceAll("\n", "\\n");
  if (error instanceof BunkerError) {
    return { message: line(error.message), detail: withLimit(error), exitCode: error.exitCode };
  }
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const detail = ["because    this is a bug of bunker: please report it with this text and the config.json"];
  if (debug && stack !== undefined)
    detail.push(
      ...stack
        .split("\n")
        .slice(1)
        .map((frame) => frame.trim()),
    );
  return { message: `internal error: ${line(message)}`, detail, exitCode: 1 };
}

/** The details, and the limit on open files where any text says that it was met. */
function withLimit({ message, detail }: BunkerError): readonly string[] {
  const text = [message, ...detail].join("\n");
  if (!text.includes("EMFILE") || text.includes("RLIMIT_NOFILE")) return detail;
  const limit = stable(16);
  if (sys("prlimit64", 0, flags("RLIMIT_NOFILE"), null, limit) < 0) return detail;
  const most = new DataView(limit.buffer).getUint32(0, true);
  return [
    ...detail,
    `because    RLIMIT_NOFILE lets the runtime have ${most} descriptors at a time; mounts, devices and cgroups take one each`,
    "try        a higher hard limit (ulimit -Hn, LimitNOFILE= of a service)",
  ];
}

/** A full disk or a closed pipe must not hide the failure that is being told. */
function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // Nowhere left to say it.
  }
}
