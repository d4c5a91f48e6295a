/**
 * What tests say and expect at a terminal: words for native/pty.c. In: nothing. Out: words before the command line.
 * @module
 */
import { native } from "./native.ts";

/** Types a line. */
export const enter = (text: string): string => `send:${text}\n`;

/** A shell with the prompt "prompt> " is asked for its size, resized, interrupted, and ends with status 5. */
export const talkToShell = (): string[] => [
  native("pty"), "run", "24", "80",
  "expect:prompt> ", enter("stty size; tty"),
  "expect:24 80", "expect:/dev/pts/0",
  "expect:prompt> ", "resize:41x123", "sleep:200", enter("stty size"), "expect:41 123",
  "expect:prompt> ", enter("sleep 50; echo status=$?"), "sleep:300", "send:\u0003", "expect:prompt> ",
  enter("echo alive"), "expect:\nalive",
  "expect:prompt> ", enter("exit 5"), "--",
]; // prettier-ignore
