/**
 * The log: consola's core with one small reporter of our own. Nothing is set up before the first line is logged.
 * Input: messages. Output: text through the `write` it is given; the room above knows where that goes.
 *
 * What is written where: a log *file* gets the final error only, so that `--log-format json` yields exactly one
 * object (podman parses the whole file as one); warnings then need --debug. Without a file everything goes to
 * standard error, warnings too, but those wait for the end: callers (conmon) take what comes first for the error.
 * @module
 */
import { createConsola, type ConsolaInstance, type LogObject } from "consola/core";

export type LogFormat = "text" | "json";

export interface Logger {
  /** Ask first where making the message costs something. */
  readonly debugging: boolean;
  /** There are warnings that wait. */
  readonly isWaiting: boolean;
  debug(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Writes the warnings that wait: where the command is done, or about to become another program. */
  flush(): void;
  /** Hands out the warnings that wait, whole lines, for whoever writes the error before them. */
  takeWaiting(): string;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly debug: boolean;
  /** The log is a file of its own, not the standard error that people read. */
  readonly file: boolean;
  /** Receives whole lines, each in one call. */
  readonly write: (text: string) => void;
  /** The clock, for tests. */
  readonly now?: () => Date;
}

/** consola's numbers. */
const levels = { error: 0, warning: 1, debug: 4 } as const;

/** A logger that costs nothing until it logs. */
export function createLogger(options: LogOptions): Logger {
  const level = options.debug ? levels.debug : options.file ? levels.error : levels.warning;
  let waiting = "";
  const takeWaiting = (): string => {
    const text = waiting;
    waiting = "";
    return text;
  };
  const put = (entry: LogObject): void => {
    const text = formatEntry(options, entry);
    if (entry.type === "warn" && !options.file && !options.debug) waiting += text;
    else options.write(text);
  };
  let instance: ConsolaInstance | undefined;
  const consola = (): ConsolaInstance => {
    const reporter = { log: put };
    // A throttle would hold lines back in a timer, and this process ends without waiting for timers.
    return (instance ??= createConsola({ level, throttle: 0, reporters: [reporter] }));
  };
  const log =
    (type: "error" | "warn" | "debug", lowest: number) =>
    (message: string): void => {
      if (lowest <= level) consola()[type](message);
    };
  return {
    debugging: options.debug,
    get isWaiting() {
      return waiting !== "";
    },
    debug: log("debug", levels.debug),
    warn: log("warn", levels.warning),
    error: log("error", levels.error),
    flush() {
      const text = takeWaiting();
      if (text !== "") options.write(text);
    },
    takeWaiting,
  };
}

/** One line: a JSON object, runc's logfmt in a file, or plain words for people. */
function formatEntry(options: LogOptions, entry: LogObject): string {
  const level = entry.type === "warn" ? "warning" : entry.type;
  const msg = entry.args.join(" ");
  const time = (options.now?.() ?? entry.date).toISOString();
  if (options.format === "json") return `${JSON.stringify({ level, msg, time })}\n`;
  if (options.file) return `time="${time}" level=${level} msg=${JSON.stringify(msg)}\n`;
  return `bunker: ${level === "error" ? "" : `${level}: `}${msg}\n`;
}
