/**
 * config.json on Linux, statement by statement, and the tests that hold them; mounts and limits have tables of their own.
 * In: nothing. Out: the table; config_test.ts checks that every test in it exists.
 * @module
 */
import type { Requirement } from "./table.ts";

export const configRequirements: Readonly<Record<string, Requirement>> = {
  ociVersion: {
    what: "missing or no 1.x of semantic versioning: an error",
    tests: {
      "spec/config_test.ts": [
        "parseSpec() takes every 1.x of runtime-spec and nothing else",
        "parseSpec() names missing properties",
      ],
    },
  },
  "root.path": {
    what: "absolute or relative to the bundle; no directory: an error",
    tests: { "integration/operations_test.ts": ["create [relative bundle, --config elsewhere]"] },
  },
  "root.readonly": {
    what: "read-only also after start; mounts inside keep their flags",
    tests: {
      "integration/paths_test.ts": ["run [read-only root, mounts keep their own flags]"],
      "plan/protection_test.ts": ["the root becomes read-only after everything that writes below it"],
    },
  },
  "mounts[]": {
    what: "in order; destinations inside the root; sources relative to the bundle; bind by option; mappings both or none",
    tests: {
      "spec/mounts_test.ts": [
        "parseSpec() counts relative destinations from the root",
        "parseSpec() refuses one of two mappings, and idmap with none",
      ],
      "plan/mounts_test.ts": ["planMounts() ignores the type where an option says bind"],
      "differential/cases_mounts.ts": ["bind relative source"],
      "integration/idmap_test.ts": ["`run [id-mapped bind by ${name}]`"],
    },
  },
  "process.terminal": {
    what: "the container's own devpts, at 0 to 2 and /dev/console",
    tests: {
      "plan/process_test.ts": [
        "planTerminal() opens the slave from the master of a verified devpts, and mounts it by descriptor",
        "planSession() makes the slave controlling terminal and stdio, owned by the user",
      ],
      "integration/terminal_test.ts": ["create --console-socket [receives the master]"],
    },
  },
  "process.consoleSize": {
    what: "with a terminal only",
    tests: {
      "spec/process_test.ts": ["parseSpec() forgets the console's size without a terminal"],
      "integration/terminal_test.ts": ["run [terminal in the foreground: size, resize, Ctrl-C, exit code]"],
    },
  },
  "process.cwd": {
    what: "absolute, entered inside; outside the root refused (CVE-2024-21626)",
    tests: {
      "plan/process_test.ts": ["planWorkingDirectory() resolves the directory in the root without magic links"],
      "integration/security_test.ts": ["run [CVE-2024-21626: working directory through a leaked descriptor]"],
    },
  },
  "process.env, args": {
    what: "exactly these; the last of two entries counts; the container's PATH finds the program",
    tests: {
      "plan/process_test.ts": [
        "planEnvironment() keeps the later of two entries, in the place of the first",
        "executableCandidates() searches the container's PATH",
      ],
      "integration/process_test.ts": ["run [environment is exactly config.json's]"],
    },
  },
  "process.user": {
    what: "ids in the container, exact groups, mask only where given",
    tests: {
      "integration/process_test.ts": ["run [a user's umask, groups, no_new_privs, out-of-memory score]"],
      "integration/user_namespaces_test.ts": ["run [user namespace: the process's user and groups are mapped ones]"],
    },
  },
  "process.capabilities": {
    what: "unknown or ungrantable: a warning; absent sets are empty",
    tests: {
      "spec/process_test.ts": ["parseSpec() takes capabilities it does not know"],
      "plan/process_test.ts": [
        "planCapabilitySets() sets exactly what is asked for",
        "grantableSets() warns of what cannot be granted, once, and leaves it out",
      ],
      "integration/process_test.ts": ["run [unknown and ungrantable capabilities are warnings]"],
    },
  },
  "process.rlimits": {
    what: "unknown and repeated types: an error",
    tests: {
      "spec/process_test.ts": ["parseSpec() refuses unknown, repeated and reversed limits"],
      "integration/process_test.ts": ["run [limits]", "create [limit that this machine does not grant]"],
    },
  },
  "process.noNewPrivileges, oomScoreAdj": {
    what: "set; an absent score is not touched",
    tests: { "integration/process_test.ts": ["run [a user's umask, groups, no_new_privs, out-of-memory score]"] },
  },
  "process.apparmorProfile, selinuxLabel": {
    what: "exec attributes by a verified procfs; a missing profile, and a security module that is off: an error",
    tests: {
      "integration/labels_test.ts": [
        "run, exec [a profile where AppArmor is not enabled: an error, nothing made]",
        "run, exec [labels where SELinux is not enabled: an error, nothing made]",
        "run, exec [AppArmor: the program has the profile, a missing one is an error]",
        "run [AppArmor: a decoy over /proc gets nothing (CVE-2019-16884)]",
      ],
      "golden/create/labels": [],
    },
    open: "no machine with SELinux was at hand: its label is checked in plans only",
  },
  "process.scheduler, ioPriority": {
    what: "sched_setattr and ioprio_set; what the kernel does not take is an error",
    tests: {
      "spec/process_test.ts": ["parseSpec() refuses numbers a scheduling policy does not take"],
      "integration/scheduling_test.ts": [
        '`run [scheduler and I/O priority${inUserNamespace ? " in a user namespace" : ""}]`',
        "create [a policy the kernel refuses]",
      ],
    },
  },
  "process.execCPUAffinity": {
    what: "exec only: initial before, final after it is in the cgroup",
    tests: { "integration/scheduling_test.ts": ["exec [processors before and after it joins the container]"] },
  },
  "hostname, domainname": {
    what: "in the container's UTS namespace; without one an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses names without a uts namespace, or too long"],
      "differential/cases_linux.ts": ["hostname", "domainname"],
    },
  },
  annotations: {
    what: "names that are not empty, values that are text",
    tests: {
      "spec/config_test.ts": ["parseSpec() refuses annotations without a name or with a value that is no text"],
      "differential/cases_linux.ts": ["annotations"],
    },
  },
  hooks: {
    what: "their order, their namespaces, the state on standard input",
    tests: { "integration/hooks_test.ts": ["hooks [order over create, start, delete; state on standard input]"] },
  },
  "linux.namespaces": {
    what: "eight types; of another type or twice: an error; absent: inherited; no path: new",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses namespaces that are unknown, repeated or relative"],
      "integration/joins_test.ts": [
        "`create [joined ${kind} namespace]`",
        "`create [${kind} namespace by the path of one of type ${other}]`",
      ],
    },
  },
  "linux.uidMappings, gidMappings": {
    what: "a user namespace is needed; by newuidmap without privilege",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses mappings without a user namespace"],
      "integration/user_namespaces_test.ts": ["run [user namespace: the maps as given, gids apart from uids]"],
      "integration/rootless_ids_test.ts": ["run [maps from config.json by newuidmap and newgidmap] (rootless)"],
    },
  },
  "linux.timeOffsets": {
    what: "before the first process; with a new time namespace only",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses time offsets without a new time namespace"],
      "integration/user_namespaces_test.ts": ["run [time namespace with offsets]"],
    },
  },
  "linux.devices": {
    what: "made, or the machine's bound; something else in their place: an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses devices that cannot be made"],
      "plan/devices_test.ts": ["planDevices() verifies what stands in a device's place"],
      "integration/paths_test.ts": ["create [device over something else in the image]"],
    },
  },
  "default devices": {
    what: "null, zero, full, random, urandom, tty, ptmx; console with a terminal",
    tests: { "plan/devices_test.ts": ["planDevices() makes every default device and link"] },
  },
  "linux.netDevices": {
    what: "moved with permanent global addresses, renamed, up; a name that exists: an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses network devices without a network namespace"],
      "integration/net_devices_test.ts": [
        "run [netDevices: a device moves, with another name, permanent global addresses, and up]",
        "run [netDevices: in a new user namespace; sysctl sees the device; two of them]",
        "run [netDevices: errors, and nothing has moved]",
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
      "plan/protection_test.ts": ["finishPropagation() shares the root after it is entered, recursively if asked"],
      "golden/create/rootfs_propagation_shared": [],
    },
  },
  "linux.maskedPaths, readonlyPaths": {
    what: "missing ones are skipped, any other failure is one",
    tests: {
      "plan/protection_test.ts": ["planMaskedPaths() skips missing paths and nothing else"],
      "integration/paths_test.ts": ["run [masked paths are empty, also for writing]", "run [read-only paths]"],
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
      "differential/cases_linux.ts": ["personality of 32 bits"],
    },
  },
  "linux.sysctl": {
    what: "by a procfs of our own; of the container's own namespaces only",
    tests: {
      "spec/sysctl_test.ts": [
        "parseSpec() takes parameters of the container's own namespaces",
        "parseSpec() refuses parameters of namespaces that are shared",
        "parseSpec() refuses parameters of the whole machine",
      ],
      "plan/protection_test.ts": ["planKernelParameters() writes through a procfs of its own that is mounted nowhere"],
    },
  },
  "linux.memoryPolicy": {
    what: "set_mempolicy",
    tests: {
      "plan/scheduling_test.ts": ["planMemoryPolicy() makes a mask of the nodes"],
      "integration/scheduling_test.ts": ["run [memory policy of node 0]"],
    },
  },
  "linux.intelRdt": {
    what: "no resctrl: error; order of writes; an own class is made and removed, one that exists compared and kept",
    tests: {
      "golden/create/intel_rdt_own_class": [],
      "golden/create/intel_rdt_existing_class": [],
      "golden/create/intel_rdt_root_class": [],
      "golden/create/intel_rdt_missing_class": [],
      "golden/exec/labels_and_class": [],
      "stage/lines_test.ts": ["verify_lines finds whole lines, blanks around them aside"],
      "integration/intel_rdt_test.ts": ["create [intelRdt without resctrl; a class that is no name]"],
    },
  },
  vm: { what: "no virtual machine runtime: refused", tests: { "golden/create/refused_everything": [] } },
};
