/**
 * config.json but for `linux`, statement by statement, and the tests that hold them; mounts have a table of their own.
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
    tests: {
      "integration/operations_test.ts": ["create [relative bundle, --config elsewhere]"],
      "differential/cases_root.ts": ["absolute root path"],
      "integration/bad_input_test.ts": ["root.path not there", "root.path a file", "root.path empty"],
    },
  },
  "root.readonly": {
    what: "read-only also after start; mounts inside keep their flags; absent: false",
    tests: {
      "integration/paths_test.ts": ["run [read-only root, mounts keep their own flags]"],
      "integration/process_defaults_test.ts": [
        "run [process 1 is the program, in every namespace config.json names; root.readonly is false where it is absent]",
      ],
      "plan/protection_test.ts": ["the root becomes read-only after everything that writes below it"],
    },
  },
  "mounts[]": {
    what: "applied in their order; a later one covers an earlier one",
    tests: { "differential/cases_mounts.ts": ["two mounts on one destination", "mount below an earlier mount"] },
  },
  "mounts[].destination": {
    what: "required; relative: from the root; links are followed within the root; made where it is missing",
    tests: {
      "spec/mounts_test.ts": [
        "parseSpec() counts relative destinations from the root",
        "parseSpec() names wrong properties of a mount",
      ],
      "plan/mounts_test.ts": ["planMounts() makes the mount point of a bind like its source"],
      "differential/cases_mounts.ts": ["relative destination", "destination through symbolic links stays inside"],
      "integration/links_test.ts": ["`run [${name}]`"],
    },
  },
  "mounts[].source": {
    what: "of a bind mount: absolute, or relative to the bundle",
    tests: {
      "plan/mounts_test.ts": [
        "planMounts() clones sources in the runtime, before the stage exists",
        "planMounts() wants a source for a bind mount",
      ],
      "differential/cases_mounts.ts": ["bind relative source"],
    },
  },
  "mounts[].type": {
    what: "ignored where an option says bind or rbind (and only there)",
    tests: {
      "plan/mounts_test.ts": [
        "planMounts() ignores the type where an option says bind",
        "planMounts() wants a type for what is no bind mount",
      ],
    },
  },
  "mounts[].options": {
    what: "unknown ones are the file system's, in their order; of a bind mount an error",
    tests: {
      "spec/mounts_test.ts": ["parseSpec() keeps unknown mount options"],
      "plan/mounts_test.ts": [
        "planMounts() passes the filesystem's own options one by one",
        "planMounts() names the wrong option of a bind mount",
      ],
      "integration/bad_input_test.ts": ["bind with file system option", "mount with unknown tmpfs option"],
    },
  },
  "mounts[].uidMappings, gidMappings": {
    what: "both or none; with idmap or ridmap; any mapping, whatever the container's own",
    tests: {
      "spec/mounts_test.ts": ["parseSpec() refuses one of two mappings, and idmap with none"],
      "integration/idmap_test.ts": [
        "`run [id-mapped bind by ${name}]`",
        '`run [id-mapped rbind: ${option} ${option === "idmap" ? "leaves alone" : "maps"} the mounts below]`',
        "`run [id-mapped bind in a user namespace: ${option}]`",
      ],
      "golden/create/mounts_idmap": [],
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
    what: "required, absolute, entered inside; outside the root refused (CVE-2024-21626)",
    tests: {
      "spec/process_test.ts": ["parseSpec() names wrong properties of process"],
      "plan/process_test.ts": ["planWorkingDirectory() resolves the directory in the root without magic links"],
      "integration/security_test.ts": ["run [CVE-2024-21626: working directory through a leaked descriptor]"],
    },
  },
  "process.env, args": {
    what: "exactly these, one argument or more; the last of two entries counts; the container's PATH finds the program",
    tests: {
      "spec/process_test.ts": ["parseSpec() names wrong properties of process"],
      "plan/process_test.ts": [
        "planEnvironment() keeps the later of two entries, in the place of the first",
        "executableCandidates() searches the container's PATH",
      ],
      "integration/process_test.ts": ["run [environment is exactly config.json's]"],
      "differential/cases_process.ts": ["program found by the container's own PATH only"],
    },
  },
  "process.user": {
    what: "ids in the container, exact groups, mask as given",
    tests: {
      "integration/process_test.ts": ["run [a user's umask, groups, no_new_privs, out-of-memory score]"],
      "integration/user_namespaces_test.ts": ["run [user namespace: the process's user and groups are mapped ones]"],
      "integration/process_defaults_test.ts": [
        "run [no out-of-memory score: the caller's; no umask: 0022, whatever the caller's, as with runc]",
      ],
    },
    open: "without a mask it is 0022 as with runc and crun, where config.md#posix-platform-user has the caller's",
  },
  "process.capabilities": {
    what: "unknown or ungrantable: a warning; absent sets are empty, absent capabilities none",
    tests: {
      "spec/process_test.ts": ["parseSpec() takes capabilities it does not know"],
      "plan/process_test.ts": [
        "planCapabilitySets() sets exactly what is asked for",
        "planCapabilitySets() leaves nothing where config.json has no sets, or one of them only",
        "grantableSets() warns of what cannot be granted, once, and leaves it out",
      ],
      "integration/process_test.ts": ["run [unknown and ungrantable capabilities are warnings]"],
      "integration/process_defaults_test.ts": ["run [no capability sets: none of the five has any]"],
    },
  },
  "process.rlimits": {
    what: "unknown and repeated types: an error",
    tests: {
      "spec/process_test.ts": ["parseSpec() refuses unknown, repeated and reversed limits"],
      "integration/process_test.ts": ["run [limits]", "create [limit that this machine does not grant]"],
    },
  },
  "process.noNewPrivileges": {
    what: "set where it is asked for, and only there",
    tests: {
      "integration/process_test.ts": ["run [a user's umask, groups, no_new_privs, out-of-memory score]"],
      "integration/seccomp_test.ts": ["`run [seccomp, ${name}, ${word}]`"],
    },
  },
  "process.oomScoreAdj": {
    what: "exactly as given, 0 too; absent: not touched",
    tests: {
      "integration/process_test.ts": ["run [a user's umask, groups, no_new_privs, out-of-memory score]"],
      "integration/process_defaults_test.ts": [
        "run [no out-of-memory score: the caller's; no umask: 0022, whatever the caller's, as with runc]",
      ],
      "plan/protection_test.ts": ["planKernelParameters() does nothing where nothing is asked"],
    },
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
  "process.scheduler": {
    what: "sched_setattr: seven policies, seven flags, 0 for what is not set; what the kernel does not take is an error",
    tests: {
      "spec/process_test.ts": ["parseSpec() refuses numbers a scheduling policy does not take"],
      "spec/enumerations_test.ts": ["/process/scheduler/policy", "/process/scheduler/flags/0"],
      "plan/scheduling_test.ts": [
        "planScheduling() gives every policy and flag the kernel's number, and 0 for what is not set",
      ],
      "integration/scheduling_test.ts": [
        '`run [scheduler and I/O priority${inUserNamespace ? " in a user namespace" : ""}]`',
        "create [a policy the kernel refuses]",
      ],
    },
  },
  "process.ioPriority": {
    what: "ioprio_set: RT, BE, IDLE, 0 to 7; anything else is an error",
    tests: {
      "spec/process_test.ts": ["parseSpec() names wrong properties of process"],
      "spec/enumerations_test.ts": ["/process/ioPriority/class"],
      "plan/scheduling_test.ts": ["planScheduling() gives every class of I/O priority the kernel's number"],
      "integration/process_defaults_test.ts": ["run [I/O priority: what the kernel says of the process, each class]"],
    },
  },
  "process.execCPUAffinity": {
    what: "exec only: initial before, final after it is in the cgroup; no final: not touched; more than 1024 processors",
    tests: {
      "plan/exec_test.ts": [
        "planExec() sets the initial processors before the cgroup is entered, the final ones after, and no others",
        "planExec() takes processors beyond the 1024 of a cpu_set_t",
      ],
      "plan/scheduling_test.ts": ["execCPUAffinity is of no concern to the container's first process"],
      "integration/scheduling_test.ts": ["exec [processors before and after it joins the container]"],
    },
  },
  "hostname, domainname": {
    what: "in the container's UTS namespace; without one an error",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses names without a uts namespace, or too long"],
      "differential/cases_linux.ts": ["hostname", "domainname"],
    },
  },
  annotations: {
    what: "names that are not empty, values that are text; those of images among them",
    tests: {
      "spec/config_test.ts": [
        "parseSpec() refuses annotations without a name or with a value that is no text",
        "parseSpec() keeps empty mount options, environment values and annotations",
        "parseSpec() takes annotations of the image, and any other of a reversed domain",
      ],
      "differential/cases_linux.ts": ["annotations"],
    },
  },
  hooks: {
    what: "their order, their namespaces, the state on standard input",
    tests: { "integration/hooks_test.ts": ["hooks [order over create, start, delete; state on standard input]"] },
  },
  vm: { what: "no virtual machine runtime: refused", tests: { "golden/create/refused_everything": [] } },
};
