/**
 * Requirements on mounts and the root, C (mount calls, /proc by a handle of our own), R (one pre-opened root) and
 * S (read-only binds in user namespaces), and the tests that hold them.
 * In: nothing. Out: the table; mounts_test.ts checks that every test in it exists.
 * @module
 */

import type { Requirement } from "./table.ts";

const needsLinux7 = "OPEN_TREE_NAMESPACE needs Linux 7.0; the choice is tested, the entry itself has never been run";

export const requirements: Readonly<Record<string, Requirement>> = {
  C1: {
    what: "a procfs handle of our own, opened early; a container without /proc, /sys and cgroup runs",
    tests: {
      "integration/mounts_test.ts": ["run [no mounts at all: nothing of the runtime needs the container's /proc]"],
      "plan/protection_test.ts": ["planKernelParameters() writes through a procfs of its own that is mounted nowhere"],
      "integration/user_namespace_filesystems_test.ts": [
        "kernel parameters of its own namespaces, with and without a /proc",
      ],
    },
  },
  C2: {
    what: 'a bind of exactly "/"',
    tests: {
      "integration/mounts_test.ts": ["run [bind of / shows the machine's root]"],
      "plan/mounts_test.ts": ['planMounts() binds "/" by its path'],
      "integration/user_namespace_mounts_test.ts": ['bind of "/", all of it and alone'],
    },
  },
  C3: {
    what: 'what kind of file the source "/" is',
    tests: {
      "integration/mounts_test.ts": ["run [bind of / shows the machine's root]"],
      "differential/cases_mounts.ts": ["bind of the root directory"],
    },
  },
  C4: {
    what: "AT_FDCWD, never -1, for paths without a directory",
    tests: {
      "program/encode_test.ts": ["encode() sign-extends AT_FDCWD and evaluates flags"],
      "plan/check_test.ts": ["a text for a descriptor", "a register that nobody wrote"],
      "differential/cases_mounts.ts": ["bind relative source"],
    },
  },
  C5: {
    what: "a bundle with nothing but bind mounts",
    tests: {
      "integration/mounts_test.ts": ["run [nothing but bind mounts]"],
      "plan/mounts_test.ts": ["planMounts() clones sources in the runtime, before the stage exists"],
    },
  },
  C6: {
    what: "src-nofollow binds the link itself, without it the link is followed",
    tests: {
      "integration/mounts_test.ts": ['`run [source a symbolic link, ${option ?? "followed"}]`'],
      "plan/mounts_test.ts": ["planMounts() follows links of sources unless told not to"],
      "integration/user_namespace_mounts_test.ts": [
        "sources: relative, a file, links followed, bound and not followed",
      ],
    },
  },
  C7: {
    what: "MOUNT_ATTR_ and MS_ agree for ro, nosuid, nodev, noexec; the modes of access times are translated",
    tests: {
      "requirements/attributes_test.ts": ["attributes of mounts are mount(2)'s flags where plans count on it"],
      "plan/mount_options_test.ts": ["mountAttr() clears the field of access times before it sets a mode"],
    },
  },
  C8: {
    what: "data is left out of a read-only remount by mount(2), and only there",
    tests: {
      "integration/missing_calls_test.ts": ["`run [without calls of newer kernels: ${one.name}]`"],
      "golden/create/missing_all_remount": [],
      "golden/create/mounts_remount_and_read_only_dev": [],
      "plan/mounts_test.ts": ["planMounts() changes an existing mount on remount"],
    },
  },
  C9: {
    what: "mount_setattr first, mount(2) where it is missing or forbidden",
    tests: {
      "integration/missing_calls_test.ts": ["`run [without calls of newer kernels: ${one.name}]`"],
      "plan/lower_test.ts": ["`withoutMissing() makes no call of ${call} without it`"],
      "golden/create/missing_mount_setattr_filesystems": [],
      "golden/create/missing_all": [],
    },
  },
  C10: {
    what: "the file system's own log of what it refuses reaches the user",
    tests: {
      "integration/mounts_test.ts": ["create [a file system's own words reach the user]"],
      "lifecycle/failure_test.ts": ["failureError() hands on what the kernel's own log says"],
    },
  },
  C11: {
    what: "the source is the type's name where config.json gives none",
    tests: {
      "requirements/attributes_test.ts": ["a mount without source has its type for one"],
    },
  },
  C12: {
    what: "the needed devices come from one table",
    tests: {
      "plan/devices_test.ts": ["planDevices() makes every default device and link"],
      "integration/user_namespace_devices_test.ts": ["every default device is the host's node, nosuid and noexec"],
    },
  },
  C13: {
    what: "in a user namespace devices are clones taken by the privileged side; where not, by path",
    tests: {
      "integration/missing_calls_test.ts": ["`run [without calls of newer kernels: ${one.name}] (user namespace)`"],
      "integration/user_namespace_devices_test.ts": [
        "every default device is the host's node, nosuid and noexec",
        "devices of config.json, a FIFO among them",
        "a device that the machine has not, or has as another",
      ],
      "golden/create/missing_all_user_namespace": [],
    },
  },
  C14: {
    what: "mode and owner of a device by its directory entry, never by opening it",
    tests: {
      "integration/mounts_test.ts": ["run [a device without its hardware gets mode and owner without being opened]"],
      "plan/devices_test.ts": [
        "planDevices() changes the owner of the node it has made, by descriptor, where one is asked for",
      ],
    },
  },
  C15: {
    what: "nothing propagates to the machine, whatever the path of the root looks like",
    tests: {
      "integration/mounts_test.ts": [
        "run [nothing propagates to the machine, relative root path, shared mount above it]",
      ],
      "plan/protection_test.ts": ["rootfsPropagation never makes the root a peer of the host's"],
    },
  },
  C16: {
    what: "procfs, sysfs, mqueue, cgroup in a user namespace: made while a visible instance is still there",
    tests: {
      "integration/user_namespace_filesystems_test.ts": [
        "a network namespace of its own: /sys shows that one",
        "no network namespace of its own: /sys is the host's, read-only",
        "no pid namespace of its own: /proc is the host's",
        "no ipc namespace of its own: the host's message queues, or why not",
        "something over part of the machine's /proc: the error names it",
      ],
      "integration/nested_test.ts": [
        "run [in a container without any privilege]",
        "run [in a container without any privilege whose /proc is masked: the error names what masks it]",
      ],
    },
  },
  C17: {
    what: "without fsopen mounts are made by mount(2)",
    tests: {
      "integration/missing_calls_test.ts": ["`run [without calls of newer kernels: ${one.name}]`"],
      "golden/create/missing_fsopen": [],
      "plan/lower_test.ts": ["`withoutMissing() makes no call of ${call} without it`"],
    },
  },
  C18: {
    what: "a mount namespace out of a tree, in place of copying and pivoting",
    tests: {
      "plan/root_entry_test.ts": [
        "rootEntry() takes a namespace of the tree on Linux 7.0, where it is allowed to",
        "rootEntry() pivots where the namespace will not do",
      ],
    },
    open: needsLinux7,
  },
  C19: {
    what: "after entering such a namespace nothing of the host's /dev is needed; /dev/null is verified",
    tests: {
      "plan/protection_test.ts": [
        "planMasks() takes /dev/null from the host, before the root is attached, and verifies it",
      ],
      "integration/links_test.ts": ["CVE-2025-31133: /dev/null a link to a file outside"],
    },
    open: needsLinux7,
  },
  C20: {
    what: "createContainer hooks run after all mounts, before the root is entered",
    tests: {
      "integration/mounts_test.ts": ["hooks [createContainer sees every mount of the container, and the machine]"],
      "plan/process_test.ts": ["hooks run in their order, on their side, with their state"],
    },
  },
  C21: {
    what: "the root itself as a path: resolved from its handle, also once it is the process's root",
    tests: {
      "plan/root_entry_test.ts": ["enterRoot() pivots by descriptor, detaches the host and proves it gone"],
      "plan/paths_test.ts": ["inRoot() cleans paths and never leaves the root"],
      "integration/links_test.ts": ["destination with climbing dots"],
    },
  },
  C22: {
    what: "a read-only path keeps the flags of the mount it is on",
    tests: {
      "plan/protection_test.ts": ["planReadonlyPaths() mounts a read-only clone with everything below it"],
      "differential/cases_mounts.ts": ["proc with hidepid"],
    },
  },
  C23: {
    what: "sync and dirsync are the file system's, not attributes of the mount",
    tests: {
      "requirements/attributes_test.ts": ["sync and dirsync are given to the file system"],
      "differential/cases_mounts.ts": ["tmpfs dirsync sync"],
    },
  },
  C24: {
    what: "directories are told by their type; masked ones are empty; tmpcopyup over / is defined",
    tests: {
      "integration/mounts_test.ts": [
        "run [masked directories are empty]",
        "run [tmpcopyup over / keeps the root's content, and the image as it was]",
      ],
    },
  },
  C25: {
    what: "options of tmpfs one by one, overlays, attributes of a whole tree",
    tests: {
      "plan/mounts_test.ts": [
        "planMounts() passes the filesystem's own options one by one",
        "planMounts() gives long lists of layers one by one where the kernel can",
        "planMounts() keeps ro and rro apart",
      ],
      "differential/cases_mounts.ts": ["tmpfs uid gid nr_inodes", "rbind rnosuid rnodev rnoexec"],
    },
  },
  C26: {
    what: "labels are written through a handle of procfs",
    tests: {
      "integration/labels_test.ts": [
        "run, exec [AppArmor: the program has the profile, a missing one is an error]",
        "run [AppArmor: a decoy over /proc gets nothing (CVE-2019-16884)]",
        "run, exec [labels where SELinux is not enabled: an error, nothing made]",
      ],
      "golden/create/labels": [],
      "golden/create/labels_user_namespace": [],
    },
    open: "no machine of ours has SELinux, and few AppArmor: there the plan alone is tested",
  },
  R1: {
    what: "the root file system is opened once; an exchange of its path has no effect",
    tests: {
      "integration/races_test.ts": ["run [root file system exchanged for a link while it is set up]"],
      "plan/mounts_test.ts": ["planMounts() clones sources in the runtime, before the stage exists"],
    },
  },
  R2: {
    what: "after a mount over / its handle is the root's",
    tests: {
      "integration/mounts_test.ts": ['`run ${["[mounts below one over / are in it]", ...entry].join(" ")}`'],
      "integration/user_namespace_mounts_test.ts": [
        "mounts below one over /",
        "a destination that is a link to /: later mounts are in what lies there",
      ],
      "golden/create/mounts_over_root": [],
    },
  },
  R3: {
    what: "mounts below one over / are seen",
    tests: {
      "integration/mounts_test.ts": ['`run ${["[mounts below one over / are in it]", ...entry].join(" ")}`'],
      "plan/mounts_test.ts": ['planMounts() goes on in what was mounted over "/"'],
    },
  },
  R4: {
    what: "the root is entered by descriptor, and the host proved gone",
    tests: {
      "plan/root_entry_test.ts": ["enterRoot() pivots by descriptor, detaches the host and proves it gone"],
    },
  },
  R5: {
    what: "no descriptor of the root or the host is in the process, however the root was entered",
    tests: {
      "integration/mounts_test.ts": ["`run [no descriptor of the root or the machine is left, ${name}]`"],
      "integration/security_test.ts": [
        "run [process 1: nothing of the machine by its descriptors, root, directory, maps]",
      ],
    },
  },
  R6: {
    what: "everything is closed at the latest before the program runs",
    tests: {
      "plan/process_test.ts": ["planStart() closes everything but what is handed down"],
      "integration/run_test.ts": ["run [no descriptor of the caller gets in]"],
    },
  },
  R7: {
    what: "moving the root in place of pivoting: by descriptor, the host's /proc and /sys out of reach",
    tests: {
      "plan/root_entry_test.ts": ["enterRoot() with --no-pivot hides the host's /proc and /sys and changes the root"],
      "integration/paths_test.ts": ["run --no-pivot"],
      "integration/user_namespace_mounts_test.ts": ["--no-pivot"],
    },
  },
  R8: {
    what: "without a mount namespace of its own, chroot",
    tests: {
      "integration/joins_test.ts": [
        "run [joined mount namespace: its table stays as it was, the root is the container's]",
        "run [no mount namespace: the machine's mounts and root stay as they were]",
      ],
      "plan/root_entry_test.ts": ["a container without a mount namespace makes no mounts"],
    },
  },
  R9: {
    what: "numbers of another kind are never taken for descriptors",
    tests: {
      "plan/check_test.ts": ["a text for a descriptor"],
    },
  },
  R10: {
    what: "the root is opened the same way for a restore",
    tests: {},
    open: "there is no checkpoint and restore in this version",
  },
  R11: {
    what: "procfs and sysfs on ordinary directories only",
    tests: {
      "plan/mounts_test.ts": ["planMounts() mounts proc and sysfs on real directories only"],
      "integration/links_test.ts": ["CVE-2019-19921: /proc a link inside", "CVE-2023-28642: /sys a link"],
    },
  },
  R12: {
    what: "what lies in a mount is looked up from it, never again by the names above it; a path that leads elsewhere in the end is an error",
    tests: {
      "plan/places_test.ts": ["wayTo() begins at the last mount that a path is in"],
      "plan/places_golden_test.ts": [
        "`golden ${golden.name} looks for nothing of a mount in /proc, /sys and /dev from the root`",
      ],
      "integration/races_mounts_test.ts": ["`run [/${attack.place} exchanged for ${decoy} while mounting${kernel}]`"],
    },
  },
  R13: {
    what: "a destination is what was opened, not its text: no link leads into proc or sysfs",
    tests: {
      "integration/destinations_test.ts": ["`run [destination a link to ${name}${kernel}]`"],
      "integration/races_mounts_test.ts": [
        "`run [destination on a volume exchanged for a link into /proc while mounting${kernel}]`",
      ],
    },
  },
  S1: {
    what: "a read-only bind of a mount with locked flags",
    tests: {
      "integration/locked_mounts_test.ts": ["bind ro of a tmpfs with nosuid, nodev, noexec: read-only, flags kept"],
      "integration/issue_6911_test.ts": ["run [containerd issue 6911: runs here, fails with runc 1.1]"],
    },
  },
  S2: {
    what: "only the bits asked for are set, on the clone, before it is attached",
    tests: {
      "integration/locked_mounts_test.ts": ["bind of a tmpfs with nosuid, nodev, noexec: as it was"],
      "plan/mounts_test.ts": ["planMounts() sets the attributes of a bind before it is attached"],
    },
  },
  S3: {
    what: "taking a locked flag away is an error that names it; what we set may be cleared",
    tests: {
      "integration/locked_mounts_test.ts": [
        "bind ro, rw of a tmpfs with nosuid, nodev, noexec: writable",
        "`bind ${option} of a mount with ${flag}: granted by root, refused by name to others`",
      ],
    },
  },
  S4: {
    what: "by mount(2): the flags asked for beside those the mount has, so that locked ones stay; clearing one is an error",
    tests: {
      "integration/missing_calls_limits_test.ts": [
        '`run [locked flags of a source, ${without.calls.length === 0 ? "with" : "without"} calls of newer kernels] (rootless)`',
      ],
      "integration/missing_calls_test.ts": ["`run [without calls of newer kernels: ${one.name}] (rootless)`"],
      "golden/create/missing_all_user_namespace": [],
      "plan/lower_test.ts": ["`withoutMissing() makes no call of ${call} without it`"],
    },
  },
  S5: {
    what: "two mounts for one destination, the later on top",
    tests: {
      "integration/locked_mounts_test.ts": ["tmpfs /dev/shm, then rbind ro of another tmpfs over it"],
      "differential/cases_mounts.ts": ["two mounts on one destination"],
    },
  },
  S6: {
    what: "ro is the top mount's, rro the whole tree's",
    tests: {
      "integration/locked_mounts_test.ts": ["`rbind ${option} of a tree: mounts below are ${inner}`"],
      "differential/cases_mounts.ts": ["rbind ro is not recursive", "rbind rro is recursive"],
    },
  },
  S7: {
    what: "a bind that fails leaves nothing half mounted",
    tests: {
      "integration/locked_mounts_test.ts": ["a bind that fails leaves nothing: no mount, no state, no process"],
    },
  },
};
