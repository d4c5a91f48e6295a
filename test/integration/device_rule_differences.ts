/**
 * Where runc's device rules have another effect than bunker's, each with the reason why ours is right or harmless.
 * runc keeps lists as cgroup v1 does (a behaviour and exceptions) on v2 too: libcontainer/cgroups/devices.
 * @module
 */
import type { Version } from "./device_rule_lists.ts";

export interface KnownDifference {
  lists: RegExp;
  /** Both unless given. */
  version?: Version;
  /** "DEVICE r", "w", "rw" or "m"; "run" where one of the two refuses the list. */
  what: RegExp;
  /** What bunker does there. */
  ours: "allowed" | "denied" | "runs" | "refused";
  why: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    lists: /^(no resources|an empty list)$/,
    what: /^(c1:11|c10|c6|b).* (r|w|rw)$/,
    ours: "allowed",
    why: "where config.json has no rule there is none (as with crun); runc then denies all but what it always allows",
  },
  {
    lists: /^type a with numbers$/,
    what: /^(c1:11|c10:229|c60:2|c61:1|b).* (r|w|rw)$/,
    ours: "denied",
    why: 'runc takes type "a" as every device and every access, whatever stands beside it: ours is what config.json says',
  },
  {
    lists: /^type a with a part of access$/,
    what: /^(c1:11|c10:229|c6|b).* (w|rw)$/,
    ours: "denied",
    why: 'runc takes type "a" as every device and every access: ours is what config.json says',
  },
  {
    lists: /^type a denied with numbers$/,
    what: /^(c1:11|c10:229|c60:2|c61:1|b60:2|b61:1|b7:0) (r|w|rw)$/,
    ours: "allowed",
    why: 'runc takes type "a" as every device and every access: ours is what config.json says',
  },
  {
    lists: /^type a denied with numbers$/,
    what: /^(c60:1|b60:1) m$/,
    ours: "denied",
    why: "as runc then starts from nothing allowed, it lets any node be made; ours denies what config.json does",
  },
  {
    lists: /^a wider denial after narrow allowances$/,
    what: /^c60:1 (r|w|rw)$/,
    ours: "denied",
    why: "a later rule goes before an earlier one (MUST config-linux.md#allowed-device-list: in the listed order); runc takes away none but an exception of the very same numbers, and leaves the device open",
  },
  {
    lists: /^a wider allowance after narrow denials$/,
    what: /^c60:1 (r|w|rw)$/,
    ours: "allowed",
    why: "as before, the other way round: runc ignores the later rule",
  },
  {
    lists: /^making nodes denied where all is allowed$/,
    what: /^b.* m$/,
    ours: "denied",
    why: "runc's own rule, any block node may be made, happens to be the inverse of this denial and takes it away; denials of fewer devices it keeps, as ours",
  },
  {
    lists: /^parts denied where all is allowed$/,
    version: "cgroup v2",
    what: /^(c10:229|c60:1) rw$/,
    ours: "denied",
    why: "one open for reading and writing asks for both: runc's program denies what a rule denies wholly only, and lets through what cgroup v1 and ours deny",
  },
  {
    lists: /^overlapping wildcards$/,
    version: "cgroup v2",
    what: /^(c60:1|c61:1) rw$/,
    ours: "allowed",
    why: "two rules allow reading and writing: one open for both gains nothing beside one for each; runc, and cgroup v1, want one rule that allows both",
  },
  {
    lists: /^a (hole in a wide (allowance|denial)|wide denial over what is always allowed)$/,
    version: "cgroup v2",
    what: /^run$/,
    ours: "runs",
    why: "the program of cgroup v2 can do it exactly; runc allows no more than cgroup v1 can",
  },
  {
    lists: /^no access$/,
    what: /^run$/,
    ours: "runs",
    why: "config-linux.md#allowed-device-list: access is optional; runc asks for it",
  },
  {
    lists: /^a negative number$/,
    version: "cgroup v2",
    what: /^run$/,
    ours: "refused",
    why: "runc takes any negative number as all numbers; only -1 means that, and cgroup v1 takes none",
  },
];
