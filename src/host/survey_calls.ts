/**
 * System calls and their newer parts. Input: this machine. Output: findings.
 *
 * Kernel: each call is made with arguments that it refuses; which error it gives tells whether it knows them
 *   (EINVAL for a flag it does not know, EBADF and the like for one that it does)
 * @module
 */
import type { Host, OptionalCall } from "../plan/host.ts";
import { structLayout } from "../program/tables.ts";
import { makeStageFile } from "../stage/program.ts";
import { AT_FDCWD, close, flags, stable, sys, tables, writeAddress } from "../stage/sys.ts";
import { SyscallError } from "../errors.ts";
import { errnoOf, type Findings, isKnown, isThere, textIn } from "./finding.ts";
import { probeIdmap } from "./survey_idmap.ts";
import { findMissing } from "./missing.ts";

const byMount = "mounts are made by mount(2), through paths: more calls, and errors that say less";

const costs: Readonly<Record<OptionalCall, string>> = {
  openat2: "paths in the container are resolved step by step, by more calls",
  open_tree: byMount,
  fsopen: byMount,
  move_mount: byMount,
  mount_setattr: `${byMount}; no id-mapped and no recursively read-only mounts`,
  clone3: "clone(2) stands in: no birth within a cgroup of version 2, no new time namespace",
  close_range: "descriptors are closed one by one",
};

/** No descriptor has this number: far above any limit. */
const noFd = 0x3fff_ffff;

export function surveyCalls(found: Findings, host: Host): void {
  found.group("kernel");
  const missing = findMissing(host.mayMount);
  for (const call of Object.keys(costs) as OptionalCall[]) found.is(call, !missing.includes(call), costs[call]);
  found.is(
    "OPEN_TREE_NAMESPACE",
    isKnown(sys("open_tree", -1, "", flags("OPEN_TREE_NAMESPACE"))),
    "since Linux 7.0: the container's mount namespace begins as a copy of the machine's, as with every older kernel",
  );
  const idmap = host.mayMount && !missing.includes("mount_setattr") ? probeIdmap() : undefined;
  found.is(
    "id-mapped mounts",
    idmap === undefined ? (missing.includes("mount_setattr") ? false : undefined) : idmap === "",
    idmap === undefined
      ? "the options idmap and ridmap are for root of the machine only"
      : "mounts with uidMappings or the options idmap and ridmap fail (the file system of / was tried)",
    idmap ?? "",
  );
  found.is(
    "CLONE_INTO_CGROUP",
    isKnown(intoCgroup()),
    "since Linux 5.7; needed for containers in a cgroup of version 2",
  );
  surveyPidfd(found);
  surveyMemfd(found);
  found.is(
    "time namespaces",
    sys("faccessat2", AT_FDCWD, "/proc/self/ns/time", 0, 0) === 0,
    "a time namespace and linux.timeOffsets are refused",
  );
  found.is(
    "memory policies",
    isThere(sys("set_mempolicy", noFd, null, 0)),
    "a kernel without NUMA: linux.memoryPolicy is refused",
  );
  found.is(
    "session keyrings",
    isThere(sys("keyctl", -1, 0)),
    "containers have the keys of whoever starts them, which the kernel has none of",
  );
}

/** struct clone_args with a cgroup that is none: EBADF where the flag is known, and never a child. */
function intoCgroup(): number {
  const { size, fields } = structLayout(tables, "clone_args")!;
  const args = stable(size);
  const view = new DataView(args.buffer);
  writeAddress(view, fields["flags"]!.offset, flags("CLONE_INTO_CGROUP"));
  writeAddress(view, fields["cgroup"]!.offset, noFd);
  return sys("clone3", args, size);
}

function surveyPidfd(found: Findings): void {
  const pidfd = sys("pidfd_open", sys("getpid"), 0);
  found.needs("pidfd", pidfd >= 0, "since Linux 5.3; every container is watched by one", errnoOf(pidfd));
  if (pidfd < 0) return;
  // Its own namespace: nothing changes.
  const joined = sys("setns", pidfd, flags("CLONE_NEWUTS"));
  found.is("setns(pidfd)", isKnown(joined), "since Linux 5.8; exec cannot enter containers");
  close(pidfd);
}

/** vm.memfd_noexec: 1 takes MFD_EXEC for a file to be executable, 2 allows none. */
function surveyMemfd(found: Findings): void {
  const policy = textIn("/proc/sys/vm/memfd_noexec");
  const value = policy === undefined ? "" : `vm.memfd_noexec = ${policy}`;
  let file = -1;
  try {
    file = makeStageFile();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
  found.needs("executable memfd", file >= 0, "the program that becomes the container is executed from one", value);
  close(file);
}
