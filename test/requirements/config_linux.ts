/**
 * `linux` of config.json, statement by statement, and the tests that hold them; limits and filters have tables of their own.
 * In: nothing. Out: the table; config_test.ts checks that every test in it exists.
 * @module
 */
import type { Requirement } from "./table.ts";

export const linuxRequirements: Readonly<Record<string, Requirement>> = {
  "linux.namespaces": {
    what: "eight types; of another type, or twice, or by a relative path: an error; absent: inherited; no path: new",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses namespaces that are unknown, repeated or relative"],
      "spec/config_test.ts": ["parseSpec() takes null and, for optional text, empty as absent"],
      "integration/joins_test.ts": [
        "`create [joined ${kind} namespace]`",
        "`create [${kind} namespace by the path of one of type ${other}]`",
        "`create [network namespace by the path of ${what}]`",
      ],
      "differential/cases_linux.ts": ["`inherited ${type} namespace`"],
      "integration/commands_test.ts": ["features [every namespace it names can be new; every capability is known]"],
    },
  },
  "linux.uidMappings, gidMappings": {
    what: "a user namespace is needed; owners of the root file system stay; by newuidmap without privilege",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses mappings without a user namespace"],
      "integration/user_namespaces_test.ts": ["run [user namespace: the maps as given, gids apart from uids]"],
      "integration/process_defaults_test.ts": ["run [user namespace: owners of the root filesystem stay as they are]"],
      "integration/rootless_ids_test.ts": ["run [maps from config.json by newuidmap and newgidmap] (rootless)"],
    },
  },
  "linux.timeOffsets": {
    what: "before the first process; with a new time namespace only",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses time offsets without a new time namespace"],
      "integration/user_namespaces_test.ts": [
        "run [time namespace with offsets]",
        "run [time namespace: both clocks have their offsets, nanoseconds too]",
      ],
      "integration/joins_test.ts": ["`create [joined ${kind} namespace]`"],
    },
  },
  "linux.devices": {
    what: "c, b, u, p, anywhere in the root, with mode and owner; made, or the machine's bound; something else there: an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses devices that cannot be made"],
      "plan/devices_test.ts": [
        "planDevices() verifies what stands in a device's place",
        "planDevices() takes the permission bits of a mode only",
        "planDevices() makes unbuffered devices as character devices",
        "planDevices() changes the owner of the node it has made, by descriptor, where one is asked for",
        "planDevices() makes nothing in a /dev that is somebody else's",
      ],
      "integration/paths_test.ts": ["create [device over something else in the image]"],
      "integration/user_namespace_devices_test.ts": [
        "devices of config.json, a FIFO among them",
        "a device that the machine has not, or has as another",
      ],
    },
  },
  "default devices": {
    what: "null, zero, full, random, urandom, tty, ptmx; console with a terminal, and only then",
    tests: {
      "plan/devices_test.ts": [
        "planDevices() makes every default device and link",
        "planDevices() leaves /dev/console to a container with a terminal",
      ],
      "integration/user_namespace_devices_test.ts": ["every default device is the host's node, nosuid and noexec"],
    },
  },
  "default filesystems": {
    what: "/proc, /sys, /dev/pts, /dev/shm: `spec` writes them; those of config.json are all there are, as with runc",
    tests: { "spec/default_test.ts": ["defaultSpec() has the filesystems that programs expect"] },
  },
  "linux.netDevices": {
    what:
      "moved with permanent global addresses of every family, renamed, numbered by %d, up; a name that exists: an " +
      "error; never moved back",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses network devices without a network namespace"],
      "integration/net_devices_test.ts": [
        "run [netDevices: a device moves, with another name, permanent global addresses, and up]",
        "run [netDevices: in a new user namespace; sysctl sees the device; two of them]",
        "run [netDevices: errors, and nothing has moved]",
        "run [netDevices: into a joined namespace; what cannot be dressed there comes back as it was]",
        "run [netDevices: an ordinary user cannot give a device of the machine away]",
      ],
      "golden/create/net_devices": [],
    },
  },
  "linux.cgroupsPath": {
    what: "absolute from the mount point; the same value is the same place; what climbs out is an error",
    tests: {
      "plan/cgroups_test.ts": [
        "planCgroups() makes the path component by component and clones into it",
        "planCgroups() places relative paths: v2 beside the runtime, v1 below it",
      ],
      "spec/linux_test.ts": ["parseSpec() refuses a cgroup outside the place it is given"],
      "integration/cgroup_test.ts": [
        "create [cgroup version 2: the path asked for, the container's process alone in it]",
        "create [cgroup version 1: every hierarchy of the machine]",
        "`create [cgroup in use: refused, whoever is in it lives on] (${view})`",
      ],
      "integration/pause_test.ts": ["create [a cgroup that is there and frozen: refused at once]"],
      "plan/systemd_test.ts": [
        '`planCreate() has systemd make "${path}" as ${directory}`',
        '`planCreate() refuses "${path}" for the systemd driver`',
      ],
      "integration/systemd_test.ts": ["--systemd-cgroup [the scope, its slice, its process]"],
    },
  },
  "cgroup ownership": {
    what: "v2, a new cgroup namespace and a writable view: directory and files of delegation are the process's user's",
    tests: {
      "plan/cgroup_owner_test.ts": [
        "planOwner() gives the directory and the files of delegation to the process's user",
        "planOwner() knows the first three files where the kernel lists none",
        "planOwner() takes the host's id of a mapped user",
        "planOwner() changes nothing for root, without a new cgroup namespace, a writable view, or v2",
      ],
      "integration/cgroup_test.ts": [
        "run [cgroup version 2: it belongs to the process's user where its view is writable]",
      ],
      "golden/create/cgroup_owner": [],
    },
  },
  "linux.rootfsPropagation": {
    what: "shared, slave, private, unbindable, and their recursive forms",
    tests: {
      "spec/enumerations_test.ts": ["/linux/rootfsPropagation"],
      "plan/protection_test.ts": [
        "finishPropagation() shares the root after it is entered, recursively if asked",
        "rootfsPropagation never makes the root a peer of the host's",
      ],
      "differential/cases_root.ts": ["`rootfsPropagation ${propagation}`"],
      "golden/create/rootfs_propagation_shared": [],
    },
  },
  "linux.maskedPaths, readonlyPaths": {
    what: "unreadable, read-only; missing ones are skipped, any other failure is one",
    tests: {
      "plan/protection_test.ts": ["planMaskedPaths() skips missing paths and nothing else"],
      "integration/paths_test.ts": ["run [masked paths are empty, also for writing]", "run [read-only paths]"],
      "integration/process_defaults_test.ts": [
        "`create [${key}: what is missing is skipped, what cannot be opened is an error, nothing runs]`",
      ],
    },
  },
  "linux.mountLabel": {
    what: "SELinux context of mounts",
    tests: { "golden/create/labels": [] },
    open: "no machine with SELinux was at hand: the option is checked in plans only",
  },
  "linux.personality": {
    what: "LINUX, LINUX32; flags: an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses unknown propagation, personality and memory policy"],
      "plan/scheduling_test.ts": ["personality is set by its domain, and only where one is asked for"],
      "differential/cases_linux.ts": ["personality of 32 bits"],
    },
  },
  "linux.sysctl": {
    what: "by a procfs of our own; of the container's own namespaces only; kernel.hostname: an error",
    tests: {
      "spec/sysctl_test.ts": [
        "parseSpec() takes parameters of the container's own namespaces",
        "parseSpec() takes every parameter of System V IPC, message queues and user namespaces",
        "parseSpec() refuses parameters of namespaces that are shared",
        "parseSpec() refuses parameters of the whole machine",
      ],
      "plan/protection_test.ts": ["planKernelParameters() writes through a procfs of its own that is mounted nowhere"],
      "integration/rootless_test.ts": ["run [kernel parameters of the container's namespaces] (rootless)"],
    },
  },
  "linux.memoryPolicy": {
    what: "set_mempolicy: seven modes, three flags; empty nodes are legal where the mode takes none",
    tests: {
      "spec/enumerations_test.ts": ["/linux/memoryPolicy/mode", "/linux/memoryPolicy/flags/0"],
      "spec/linux_test.ts": [
        "parseSpec() refuses nodes of a memory policy that takes none, and none where it takes some",
      ],
      "plan/scheduling_test.ts": [
        "planMemoryPolicy() makes a mask of the nodes",
        "planMemoryPolicy() gives every mode and flag the kernel's number",
      ],
      "integration/scheduling_test.ts": ["run [memory policy of node 0]"],
    },
  },
  "linux.intelRdt": {
    what:
      "no resctrl: error; order of writes; an own class and a monitoring group are made and removed, a class that " +
      "exists is compared and kept; absent: resctrl is not touched",
    tests: {
      "plan/resctrl_test.ts": [
        "planResctrl() makes and removes a class of the container's own, and none that was there",
        "planResctrl() makes a monitoring group, removed alone where the class is not the container's",
        "planResctrl() compares with a class that exists, and writes to one that it makes",
        "planResctrl() refuses a class that is missing with no schema to make it, and one of the container's name",
        "without intelRdt resctrl is not touched",
      ],
      "lifecycle/resctrl_test.ts": ["removeClasses() removes what was made for the container, and nothing else"],
      "golden/create/intel_rdt_own_class": [],
      "golden/create/intel_rdt_existing_class": [],
      "golden/create/intel_rdt_root_class": [],
      "golden/create/intel_rdt_missing_class": [],
      "golden/exec/labels_and_class": [],
      "stage/lines_test.ts": ["verify_lines finds whole lines, blanks around them aside"],
      "integration/intel_rdt_test.ts": ["create [intelRdt without resctrl; a class that is no name]"],
    },
    open: "no machine with resctrl was at hand: classes and monitoring groups are checked in plans only",
  },
};
