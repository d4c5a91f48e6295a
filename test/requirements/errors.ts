/**
 * Errors that runtime-spec asks for (MUST generate an error), and those that runc adds, by what is wrong; the tests that
 * hold them. In: nothing. Out: the table; config_test.ts checks that every test in it exists.
 * @module
 */
import type { Requirement } from "./table.ts";

const badInput = (...names: readonly string[]) => ({ "integration/bad_input_test.ts": names });

export const errorRequirements: Readonly<Record<string, Requirement>> = {
  "bad ociVersion": {
    what: "config.md#specification-version",
    tests: badInput("ociVersion missing", "ociVersion no version", "ociVersion of the future"),
  },
  "root filesystem missing": {
    what: "config.md#root",
    tests: badInput("root missing", "root.path not there", "root.path a file"),
  },
  "a limit twice, or one that cannot be mapped": {
    what: "config.md#posix-process",
    tests: badInput("duplicate rlimit", "unknown rlimit"),
  },
  "a namespace twice, or a path of another type": {
    what: "config-linux.md#namespaces",
    tests: badInput("duplicate namespace", "namespace path of another type"),
  },
  "a device's path taken by something else": {
    what: "config-linux.md#devices",
    tests: {
      "integration/paths_test.ts": ["create [device over something else in the image]"],
      "plan/devices_test.ts": ["planDevices() verifies what stands in a device's place"],
      "lifecycle/cause_mount_test.ts": ["/linux/devices/0"],
    },
  },
  "a network device's name taken": {
    what: "config-linux.md#network-devices",
    tests: { "integration/net_devices_test.ts": ["run [netDevices: errors, and nothing has moved]"] },
  },
  "idmap without any mapping, one of two mappings": {
    what: "config.md#mounts",
    tests: { "spec/mounts_test.ts": ["parseSpec() refuses one of two mappings, and idmap with none"] },
  },
  "errnoRet with another action, metadata without a path, NOTIFY as default": {
    what: "config-linux.md#seccomp",
    tests: { "spec/linux_test.ts": ["parseSpec() refuses filters that contradict themselves"] },
  },
  "a seccomp supervisor that cannot be reached": {
    what: "config-linux.md#seccomp",
    tests: { "integration/seccomp_supervisor_test.ts": ["run [seccomp supervisor that is not there]"] },
  },
  "unified: a controller that is missing": {
    what: "config-linux.md#unified",
    tests: {
      "plan/cgroup_limits_test.ts": [
        "unified [v2: verbatim, line by line, with its controller; v1: refused]",
        "unified [a controller that is not there is an error, whatever the file]",
      ],
      "plan/cgroup_controllers_test.ts": ["a controller that the machine lacks is named with the field"],
      "integration/limits_test.ts": [
        "resources [a controller that version 2 lacks here is named, and nothing is left] (cgroup v2)",
      ],
    },
  },
  "values that version 2 of cgroups cannot have": {
    what: "config-linux.md#control-groups",
    tests: { "plan/cgroup_limits_test.ts": ["what only v1 has is refused on v2, and what asks for nothing is not"] },
  },
  "resctrl missing, a schema that differs, a class that is missing, a monitoring group that cannot be made": {
    what: "config-linux.md#intel-rdt",
    tests: {
      "integration/intel_rdt_test.ts": ["create [intelRdt without resctrl; a class that is no name]"],
      "plan/resctrl_test.ts": [
        "planResctrl() refuses a class that is missing with no schema to make it, and one of the container's name",
        "planResctrl() makes a monitoring group, removed alone where the class is not the container's",
      ],
      "golden/create/intel_rdt_existing_class": [],
      "golden/create/intel_rdt_missing_class": [],
      "stage/lines_test.ts": ["verify_lines finds whole lines, blanks around them aside"],
    },
    open: "no machine with resctrl was at hand: classes and monitoring groups are checked in plans only",
  },
  "start without a process": {
    what: "runtime.md#start",
    tests: { "integration/lifecycle_test.ts": ["create, start [no process]"] },
  },
  "start, kill, delete in a wrong state": {
    what: "runtime.md#operations",
    tests: {
      "integration/lifecycle_test.ts": [
        "start [running and stopped containers]",
        "create, start, kill, delete [whole life]",
      ],
      "integration/operations_test.ts": ["kill [stopped container]"],
    },
  },
  "an id twice, or an invalid one": {
    what: "runtime.md#create",
    tests: {
      "integration/lifecycle_test.ts": ["create [duplicate id]"],
      "integration/operations_test.ts": ["create [two at once on one id: one wins]"],
      "integration/bad_input_test.ts": ["`create [id ${JSON.stringify(id.slice(0, 20))}]`"],
      "state/id_test.ts": ["`checkId() refuses ${JSON.stringify(id.slice(0, 20))}`"],
    },
  },
  "a hook that fails (poststop: a warning)": {
    what: "config.md#posix-platform-hooks",
    tests: {
      "integration/hooks_test.ts": [
        "`create [failing ${kind} hook]`",
        "`start [failing ${kind} hook]`",
        "delete [failing poststop hook]",
      ],
    },
  },
  "values that an enumeration has not": {
    what: "everywhere",
    tests: {
      "spec/enumerations_test.ts": [
        "`parseSpec() takes every value of ${pointer}, and no other`",
        "parseSpec() refuses pages of a size that is none",
      ],
      "spec/process_test.ts": ["parseSpec() names the values an enumeration has"],
      "spec/linux_test.ts": ["parseSpec() refuses unknown propagation, personality and memory policy"],
      ...badInput("unknown namespace", "device of unknown type", "seccomp, wrong"),
    },
  },
  "an invalid cgroupsPath": {
    what: "config-linux.md#cgroups-path",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses a cgroup outside the place it is given"],
      "plan/cgroups_test.ts": ["planCgroups() refuses what files cannot do, and plans on"],
    },
  },
  "a label of a security module that is not enabled": {
    what: "config.md#linux-process",
    tests: {
      "integration/labels_test.ts": [
        "run, exec [a profile where AppArmor is not enabled: an error, nothing made]",
        "run, exec [labels where SELinux is not enabled: an error, nothing made]",
      ],
    },
  },
  "runc: names, masked and read-only paths without their namespace": {
    what: "hostname and domainname without uts, paths without mount",
    tests: {
      "spec/linux_test.ts": [
        "parseSpec() refuses names without a uts namespace, or too long",
        "parseSpec() refuses mounting without a mount namespace",
      ],
    },
  },
  "runc: network devices without a network namespace, or by an ordinary user": {
    what: "they would be the machine's",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses network devices without a network namespace"],
      "integration/net_devices_test.ts": [
        "run [netDevices: an ordinary user cannot give a device of the machine away]",
      ],
    },
  },
  "runc: mappings without a user namespace": {
    what: "and a namespace of its own in which nothing is mapped",
    tests: {
      "spec/linux_test.ts": ["parseSpec() refuses mappings without a user namespace"],
      "integration/process_defaults_test.ts": [
        "run [user namespace without mappings: the caller's own id is its root, as with crun]",
      ],
    },
    open: "a user namespace without mappings gets the caller's own ids, as with crun, where runc refuses it",
  },
  "runc: time offsets with a path": {
    what: "config-linux.md#time-offsets",
    tests: { "spec/linux_test.ts": ["parseSpec() refuses time offsets without a new time namespace"] },
  },
  "runc: parameters outside their namespace": {
    what: "config-linux.md#sysctl",
    tests: {
      "spec/sysctl_test.ts": [
        "parseSpec() refuses parameters of namespaces that are shared",
        "parseSpec() refuses parameters of the whole machine",
      ],
    },
  },
  "runc: filesystem options on a bind mount, idmap of anything else or by an ordinary user": {
    what: "config.md#mounts",
    tests: {
      ...badInput("bind with file system option"),
      "plan/mount_idmap_test.ts": ["planIdmap() maps the ids of nothing but bind mounts"],
      "integration/idmap_test.ts": ["run [id-mapped bind by an ordinary user is refused]"],
    },
  },
  "runc: numbers that a scheduling policy does not take": {
    what: "config.md#linux-process",
    tests: { "spec/process_test.ts": ["parseSpec() refuses numbers a scheduling policy does not take"] },
  },
  "runc: nodes that a memory policy does not take": {
    what: "config-linux.md#memory-policy",
    tests: {
      "spec/linux_test.ts": [
        "parseSpec() refuses nodes of a memory policy that takes none, and none where it takes some",
      ],
    },
  },
  "runc: a supervisor that is asked about write": {
    what: "runc itself writes once its filter is in force; the stage does not",
    tests: {
      "integration/seccomp_supervisor_test.ts": [
        "run [seccomp supervisor that is asked about whatever the runtime does]",
      ],
    },
    open: "no error here, as nothing goes wrong",
  },
};

export const featureRequirements: Readonly<Record<string, Requirement>> = {
  "ociVersionMin, ociVersionMax": {
    what: "required; every 1.x is taken",
    tests: { "spec/config_test.ts": ["parseSpec() takes every 1.x of runtime-spec and nothing else"] },
  },
  hooks: {
    what: "the six kinds, which all run",
    tests: { "integration/hooks_test.ts": ["hooks [order over create, start, delete; state on standard input]"] },
  },
  mountOptions: {
    what: "no filesystem's own; each works",
    tests: { "integration/commands_test.ts": ["features [every mount option it names works]"] },
  },
  "linux.namespaces, linux.capabilities": {
    what: "each can be had",
    tests: {
      "integration/commands_test.ts": ["features [every namespace it names can be new; every capability is known]"],
    },
  },
  "linux.cgroup, linux.seccomp, memoryPolicy": {
    what: "every value listed is one that config.json may have, and none is left out",
    tests: { "lifecycle/features_test.ts": ["features() lists what config.json may have, no more and no less"] },
  },
  "apparmor, selinux, intelRdt, netDevices, idmap": {
    what: "compiled in, whatever the machine has",
    tests: { "lifecycle/features_test.ts": ["features() says the same on every machine"] },
  },
  potentiallyUnsafeConfigAnnotations: {
    what: "every annotation that changes what is done (CVE-2024-3154)",
    tests: { "lifecycle/features_test.ts": ["features() names every annotation that the source reads"] },
  },
};
