/**
 * Known differences in what the program is given, and in hooks.
 * @module
 */
import type { KnownDifference } from "./known_difference.ts";

const hookLog = /^host log \d+$/;

export const ofTheProcess: readonly KnownDifference[] = [
  // the program
  {
    peer: "crun",
    cases: /^user without entry/,
    key: /^environment \d+$/,
    ours: /^HOME=\/$/,
    theirs: /^$/,
    why: "a user whom the image's /etc/passwd does not name: HOME is / in runc and here, crun sets none",
  },
  {
    peer: "runc",
    cases: /^no limits$/,
    key: /^limits Max open files$/,
    why: "the language runtime of runc raises its own soft limit and hands it on; ours (as crun's) is the caller's",
  },
  {
    peer: "runc",
    cases: /^root with additional groups/,
    key: /^(status Groups:|values id)$/,
    why: "config.md wants the list as given; runc drops the double, crun does as we do",
  },
  {
    peer: "runc",
    cases: /^user without entry, additional groups$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "runc refuses ids above 2^31-1; the kernel's range is 2^32-2",
  },
  {
    peer: "runc",
    cases: /^personality/,
    key: /^values personality$/,
    why: "runc 1.1 does not know linux.personality and ignores it",
  },
  {
    peer: "crun",
    cases: /^duplicate namespace$/,
    key: /^result /,
    ours: /^(yes|1)$/,
    why: "MUST config-linux.md#namespaces: a duplicate type is an error",
  },
  // hooks
  {
    peer: "runc",
    cases: /^hook without environment$/,
    key: /^host environment/,
    ours: /^$/,
    why: "MUST config.md#posix-platform-hooks: env as given, none is none; runc 1.1 hands its own on",
  },
  {
    peer: "crun",
    cases: /^hook without environment$/,
    key: /^host environment/,
    ours: /^$/,
    why: "MUST config.md#posix-platform-hooks: env as given, none is none; crun 1.8 hands its own on",
  },
  {
    peer: "runc",
    cases: /^(hooks of all kinds|two hooks of each kind)|^failing poststart/,
    key: hookLog,
    why: "runc 1.1 runs poststart before startContainer and before the program (its issue 4347); order and state are the spec's here",
  },
  {
    peer: "runc",
    cases: /^failing poststop hook$/,
    key: hookLog,
    theirs: /^$/,
    why: "MUST runtime.md#lifecycle: the hooks after a failing poststop hook still run; runc 1.1 stops at it",
  },
  {
    peer: "crun",
    cases: /hook/,
    key: hookLog,
    ours: /status (creating|created)|pid given/,
    why: "crun 1.8 tells other states than config.md#posix-platform-hooks names, and no pid to hooks in the container",
  },
  {
    peer: "crun",
    cases: /^(hooks of all kinds|two hooks of each kind)/,
    key: hookLog,
    why: "crun 1.8 runs poststart beside startContainer and the program; ours waits for the program first",
  },
  {
    peer: "crun",
    cases: /^failing (prestart|createRuntime|createContainer|startContainer) hook$/,
    key: hookLog,
    theirs: /^$/,
    why: "MUST runtime.md#lifecycle: after a failing hook the poststop hooks run; crun 1.8 leaves them out",
  },
  {
    peer: "crun",
    cases: /^(failing (prestart|createRuntime) hook|hook that is not there)$/,
    key: /^result status$/,
    ours: /^1$/,
    theirs: /^255$/,
    why: "an error of the runtime is status 1, as runc's; crun 1.8 ends with 255 here",
  },
  {
    peer: "crun",
    cases: /^failing poststart hook$/,
    key: /^result /,
    ours: /^(yes|1)$/,
    why: "MUST runtime.md#lifecycle: a failing poststart hook is an error; crun 1.8 goes on",
  },
];
