/**
 * Mount namespaces of a command's own: what is mounted there nobody else sees, and it ends with the command.
 * In: shell lines. Out: words to put before a command line.
 * @module
 */

/** Runs the lines, in which "$@" is what the words are put before. */
export const inOwnMounts = (script: string): string[] => [
  "unshare",
  "-m",
  "--propagation",
  "private",
  "/bin/sh",
  "-c",
  script,
  "sh",
];

/** Mounts first of all. Each word is an exec: the pid stays. */
export const afterMounting = (mounts: string): string[] => inOwnMounts(`${mounts} && exec "$@"`);
