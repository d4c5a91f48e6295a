/**
 * Known differences of `exec`.
 * @module
 */
import type { KnownDifference } from "./known_difference.ts";

export const ofExec: readonly KnownDifference[] = [
  {
    peer: "crun",
    cases: /^exec, /,
    key: /^(limits Max open files|values oom)$/,
    why: "limits and OOM score are those of the container's process, as runc's; crun 1.8 leaves the caller's",
  },
  {
    peer: "crun",
    cases: /^exec, /,
    key: /^status NoNewPrivs:$/,
    ours: /^1$/,
    theirs: /^0$/,
    why: "no new privileges as config.json says, as runc's; crun 1.8 lets it go where the option is not given",
  },
  {
    peer: "crun",
    cases: /^exec, /,
    key: /^values session$/,
    ours: /^1 1 0$/,
    why: "a session of its own, as runc's: no signal of the caller's terminal reaches it twice",
  },
  {
    peer: "crun",
    cases: /^exec, --env$/,
    key: /^environment \d$/,
    why: "the container's environment with the option's on top, as runc's; crun 1.8 gives the option's alone",
  },
  {
    peer: "crun",
    cases: /^exec, (into a user namespace, )?--cap/,
    key: /^status Cap(Bnd|Eff|Prm):$/,
    why: "one more capability than the container's, as runc's; crun 1.8 gives that one alone",
  },
  {
    peer: "crun",
    cases: /^exec, into a container of another user$/,
    key: /^(environment \d|status (Uid|Gid|Groups|CapEff|CapPrm):|values (cwd|cwd-link|id)|writable .*)$/,
    why: "user, groups and directory are those of the container's process, as runc's; crun 1.8 takes root's and /",
  },
  {
    peer: "runc",
    cases: /^exec, --process/,
    key: /^limits Max open files$/,
    why: "limits are the container's where the process file names none; runc 1.1 leaves those of its language runtime",
  },
  {
    peer: "runc",
    cases: /^exec, --process, user and groups$/,
    key: /^(status Umask:|values umask)$/,
    ours: /^0077$/,
    why: "the process file asks for the mask; runc 1.1 does not look",
  },
  {
    peer: "runc",
    cases: /^exec, --process, limits and OOM score$/,
    key: /^values oom$/,
    ours: /^99$/,
    why: "the process file asks for the score; runc 1.1 does not look",
  },
];
