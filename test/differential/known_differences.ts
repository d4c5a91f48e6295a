/**
 * Differences between bunker and its peers that are meant or harmless, each with its reason.
 * In: nothing. Out: the list that the differential test checks every difference against.
 * The peers are Debian 12's: runc 1.1.5 and crun 1.8.1.
 * @module
 */
import type { KnownDifference } from "./known_difference.ts";
import { ofTheProcess } from "./known_differences_process.ts";
import { ofExec } from "./known_differences_exec.ts";
import { ofUsers } from "./known_differences_users.ts";
import type { Difference } from "./view.ts";

const maskedFile = /^mounts \/(proc\/(keys|timer_list|kcore|latency_stats)|etc\/hosts)$/;
const cgroupMount = /^mounts \/sys\/fs\/cgroup$/;

export const knownDifferences: readonly KnownDifference[] = [
  // masked paths
  {
    peer: "runc",
    key: maskedFile,
    ours: /^root=\/null .*devtmpfs/,
    why: "runc masks files with the container's /dev/null; ours is the machine's, opened before anything of the image (CVE-2025-31133)",
  },
  {
    peer: "crun",
    key: maskedFile,
    ours: /^root=\/null .*devtmpfs/,
    theirs: /^root=\/null .*,ro/,
    why: "crun adds ro to the /dev/null over a masked file; writing to a null device does nothing either way (runc's is rw too)",
  },
  {
    peer: "crun",
    key: /^mounts (\/proc\/acpi|\/sys\/firmware|\/proc\/scsi|\/var\/lib)$/,
    theirs: /size=0k/,
    why: "crun's empty tmpfs over masked directories has size=0k and a writable superblock; ours is read-only throughout",
  },
  // superblock options and sources
  {
    peer: "crun",
    key: /^mounts \/sys$/,
    ours: /sysfs sysfs ro$/,
    theirs: /sysfs sysfs rw$/,
    why: "crun's sysfs is read-only by the mount, ours (as runc's) by its superblock too",
  },
  {
    peer: "crun",
    key: cgroupMount,
    ours: /cgroup2 cgroup r[wo]$/,
    theirs: /cgroup2 cgroup2 r[wo]$/,
    why: "name of the source: ours is the one in config.json, crun's its own",
  },
  {
    peer: "runc",
    cases: /namespace|cgroup path/,
    key: cgroupMount,
    ours: /cgroup2 cgroup2 rw/,
    theirs: /cgroup2 cgroup rw/,
    why: "without a cgroup namespace both show the machine's hierarchy; ours is bound from it and keeps its source's name",
  },
  {
    peer: "runc",
    cases: /^tmpfs noexec nodev ro$/,
    key: /^mounts \/mnt\/t$/,
    ours: /tmpfs tmpfs ro$/,
    why: "read-only superblock as well as read-only mount: no later remount of the mount alone opens it",
  },
  {
    peer: "crun",
    cases: /^tmpfs noexec nodev ro$/,
    key: /^mounts \/mnt\/t$/,
    ours: /tmpfs tmpfs ro$/,
    why: "read-only superblock as well as read-only mount: no later remount of the mount alone opens it",
  },
  {
    peer: "runc",
    cases: /version 1$/,
    key: /^(mounts|writable) \/sys\/fs\/cgroup$/,
    theirs: /rw {2}tmpfs|Permission denied/,
    why: "config.json asks for ro: runc leaves the tmpfs that holds the hierarchies writable, ours is read-only",
  },
  {
    peer: "runc",
    cases: /^cgroup path, version 1$/,
    key: /^cgroup 0::/,
    why: "on a machine with both versions runc makes a directory in the unified hierarchy too; no controller is there, ours leaves it alone",
  },
  // mount options
  {
    peer: "crun",
    cases: /^bind (shared|unbindable)$/,
    key: /^mounts \/mnt\/data$/,
    ours: /(shared|unbindable)/,
    why: "crun 1.8 makes everything private again when it makes the root private; the option asks otherwise (runc does as we do)",
  },
  {
    peer: "crun",
    cases: /^bind ro then rw/,
    key: /^(mounts \/mnt\/data|extra \d)$/,
    why: "of ro and rw the last wins, as in mount(8) and runc; crun 1.8 keeps ro",
  },
  {
    peer: "crun",
    cases: /^bind of a read-only source/,
    key: /^(mounts \/mnt\/data|extra \d)$/,
    ours: /ro|content|^$/,
    why: "flags of the source that no option speaks of stay set (requirement S2: only asked-for bits); crun 1.8 clears ro, nosuid and nodev",
  },
  {
    peer: "crun",
    cases: /^proc with hidepid$/,
    key: /^mounts \/proc\//,
    ours: /nodev,noexec,nosuid/,
    why: "a read-only path keeps the flags of the mount it is on (requirement C22); crun 1.8 drops them",
  },
  {
    peer: "crun",
    key: /^(extra \d|root \/a)$/,
    cases: /^(mount below an earlier mount|files made in the root)/,
    theirs: /drwxr-xr-t/,
    why: "crun makes directories for mount points with mode 01755, ours with 0755 as runc",
  },
  {
    peer: "crun",
    cases: /^tmpfs tmpcopyup$/,
    key: /^extra \d$/,
    ours: /drwxr-xr-x/,
    theirs: /drwxrwxrwt/,
    why: "the tmpfs has the mode of the directory it covers, as with runc and current crun; crun 1.8 gives tmpfs's own",
  },
  {
    peer: "runc",
    cases: /^(unknown bind option is an error)$/,
    key: /^result /,
    ours: /^(yes|1)$/,
    why: "a file system option cannot apply to a bind: refused as newer runc does, Debian's ignores it",
  },
  {
    peer: "crun",
    cases: /^(unknown bind option is an error)$/,
    key: /^result /,
    ours: /^(yes|1)$/,
    why: "a file system option cannot apply to a bind: refused as newer runc does, crun ignores it",
  },
  {
    peer: "crun",
    cases: /^second proc and sysfs$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "crun allows proc and sysfs directly below the root only",
  },
  {
    peer: "runc",
    cases: /^rootfsPropagation r?shared$/,
    key: /^mounts \/$/,
    ours: / shared /,
    why: "runc makes the root shared, then enters it through a private copy; ours is what config.json asks for (as crun's)",
  },
  {
    peer: "runc",
    cases: /^rootfsPropagation (r?shared|unbindable)$/,
    key: /^(mounts|result) /,
    why: "runc applies shared to the root alone and fails on unbindable; ours reaches the mounts below, as crun's",
  },
  {
    peer: "runc",
    cases: /^inherited mount namespace$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "runc 1.1 needs /proc in the root to close descriptors; ours does not",
  },
  // devices
  {
    peer: "crun",
    key: /^dev \/dev\/core$/,
    ours: /^$/,
    why: "crun and older Docker link /dev/core to /proc/kcore, which is masked; runtime-spec names no such link, runc makes none",
  },
  {
    peer: "runc",
    cases: /^a default device asked for again$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "runc 1.1 then allows only the listed device in its device filter and cannot open its own /dev/null",
  },
  ...ofTheProcess,
  ...ofUsers,
  ...ofExec,
];

/** The entry that explains a difference, if one does. */
export function explanation(
  peer: string,
  caseName: string,
  { key, ours, theirs }: Difference,
): KnownDifference | undefined {
  return knownDifferences.find(
    (known) =>
      known.peer === peer &&
      (known.cases?.test(caseName) ?? true) &&
      known.key.test(key) &&
      (known.ours?.test(ours ?? "") ?? true) &&
      (known.theirs?.test(theirs ?? "") ?? true),
  );
}
