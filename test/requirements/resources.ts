/**
 * `linux.resources`, field by field, and the tests that hold them on cgroup v1 and v2.
 * In: nothing. Out: the table; config_test.ts checks that every test in it exists.
 * @module
 */
import type { Requirement } from "./table.ts";

const units = "plan/cgroup_limits_test.ts";
const updates = "plan/update_test.ts";
const values = "spec/resources_test.ts";
const legacy = "integration/limits_test.ts";

/** The differential test of every field alone, and the case within it. */
const likeRunc = "`resources [${name}: the files as runc writes them] (cgroup v1)`";
const wrong = "parseSpec() refuses limits that contradict each other or have no meaning";
const refused = "resources [what cannot be applied is an error that names the field, and nothing is left] (cgroup v1)";

export const resourceRequirements: Readonly<Record<string, Requirement>> = {
  "memory.limit": {
    what: "memory.limit_in_bytes, memory.max; -1 is no limit; 512 KB are enough for a static program",
    tests: {
      [units]: ["memory [v1]", "memory [v2]"],
      [legacy]: [
        likeRunc,
        "memory.limit",
        "memory.limit [no limit]",
        "resources [memory.limit of 512 KB and a static program] (cgroup v1)",
        "resources [memory.limit too small for the container itself: said so] (cgroup v1)",
      ],
      "golden/create/limits": [],
      "golden/create/limits_cgroup_v1": [],
    },
  },
  "memory.reservation": {
    what: "memory.soft_limit_in_bytes, memory.low",
    tests: { [units]: ["memory [v1]", "memory [v2]"], [legacy]: [likeRunc, "memory.reservation"] },
  },
  "memory.swap": {
    what: "memsw as it is; memory.swap.max is swap less limit, equal: 0, -1: max; below or without the limit: an error",
    tests: {
      [units]: [
        "memory [v1]",
        "memory [v2]",
        "memory [v2: swap that cannot be limited is no matter where none is to be limited]",
      ],
      [values]: [wrong],
      [legacy]: [likeRunc, "memory.swap", "memory.swap [none]", refused],
      [updates]: ["planUpdate() reckons swap with the limit in force (v2)"],
    },
  },
  "memory.swappiness, disableOOMKiller, useHierarchy": {
    what: "files of v1, swappiness from 0 to 100; on v2 an error where they ask for something it has not",
    tests: {
      [units]: ["memory [v1]", "what only v1 has is refused on v2, and what asks for nothing is not"],
      "spec/linux_test.ts": ["parseSpec() refuses wrong limits by name"],
      [legacy]: [likeRunc, "memory.swappiness", "memory.disableOOMKiller", "memory.useHierarchy"],
      "golden/create/limits_refused_cgroup_v2": [],
    },
  },
  "memory.kernel, kernelTCP": {
    what: "ignored everywhere, and that is said",
    tests: {
      [units]: ["memory.kernel and kernelTCP are said to be without effect"],
      [legacy]: [likeRunc, "memory.kernel"],
    },
  },
  "memory.checkBeforeUpdate": {
    what: "v1's kernels reject what is in use; on v2 it is compared before",
    tests: {
      [updates]: ["planUpdate() compares with what is in use where that is asked (v2; v1's kernels do it themselves)"],
      "integration/update_test.ts": [
        "update [what cannot be applied is an error that names it, and the files are as before] (cgroup v1)",
      ],
    },
  },
  "cpu.shares": {
    what: "cpu.shares; cpu.weight by the curve through 1024 = 100; out of v1's range: an error",
    tests: {
      [units]: ["cpuWeight() fits both ends and the default; the values of runc and crun", "cpu [v1]", "cpu [v2]"],
      [legacy]: [likeRunc, "cpu.shares", refused],
    },
  },
  "cpu.quota, period, burst": {
    what: "cfs_* and cpu.max, cpu.max.burst; -1 is no quota; a burst beyond the quota: an error; pairs valid at every moment",
    tests: {
      [units]: ["cpu [v1]", "cpu [v2]"],
      [values]: [wrong],
      [legacy]: [
        likeRunc,
        "cpu.quota, cpu.period",
        "cpu.quota [no limit]",
        "resources [cpu.burst and cpu.idle, which runc 1.1 does not know] (cgroup v1)",
      ],
      [updates]: [
        "planUpdate() tries a period before the quota, and after it where it does not fit (v1)",
        "planUpdate() keeps the quota in force beside a new period (v2)",
      ],
    },
  },
  "cpu.realtimeRuntime, realtimePeriod": {
    what: "rt_* of v1; an error on v2",
    tests: {
      [units]: ["cpu [v1]", "what only v1 has is refused on v2, and what asks for nothing is not"],
      [legacy]: [likeRunc, "cpu.realtimeRuntime, cpu.realtimePeriod"],
    },
  },
  "cpu.idle": {
    what: "cpu.idle; not with shares",
    tests: {
      [units]: ["cpu [v1]", "cpu [v2]"],
      [values]: [wrong],
      [legacy]: ["resources [cpu.burst and cpu.idle, which runc 1.1 does not know] (cgroup v1)"],
    },
  },
  "cpu.cpus, mems": {
    what: "cpuset.*; on v1 a new directory has its parent's first",
    tests: {
      [units]: ["cpuset [v1: after the parent's values]", "cpu [v2]"],
      "plan/cgroups_test.ts": [
        "planCgroups() fills a new cpuset from its parent, and one that is there where it is empty",
      ],
      [legacy]: [likeRunc, "cpu.cpus, cpu.mems"],
    },
  },
  "blockIO.weight, leafWeight, weightDevice": {
    what: "CFQ's files or BFQ's on v1; io.bfq.weight, else io.weight converted; no weights of leaves on v2",
    tests: {
      [units]: [
        "ioWeight() is a straight line from 10 to 1000",
        "blockIO [v1: weight of CFQ, else of BFQ]",
        "blockIO [v2: weight of BFQ, else of the cost model]",
      ],
      [values]: [wrong],
      [legacy]: [likeRunc, "blockIO.weight", refused],
    },
    open: "a device's weight wants BFQ on it: the machine's disks have another scheduler, so it is tested as refused",
  },
  "blockIO.throttle*": {
    what: "blkio.throttle.*, io.max; a rate of 0 is no limit",
    tests: {
      [units]: ["blockIO [v2: weight of BFQ, else of the cost model]"],
      [legacy]: [likeRunc, "blockIO.throttle*"],
    },
  },
  hugepageLimits: {
    what: "usage, and reservations where the kernel limits them; sizes such as 2MB",
    tests: {
      [units]: [
        "hugepageLimits [usage, and reservations where the kernel limits them; 0 is a limit]",
        "hugepageLimits [reservations that the kernel does not limit are left, their usage never]",
      ],
      "spec/enumerations_test.ts": ["parseSpec() refuses pages of a size that is none"],
      [legacy]: ["resources [hugepageLimits] (cgroup v2)"],
    },
  },
  "pids.limit": {
    what: "-1 is no limit, 0 is one (1 to systemd, which has no 0)",
    tests: {
      [units]: ["pids [-1 no limit, 0 none at all]"],
      "plan/systemd_test.ts": ["`systemd is told ${JSON.stringify(resources)}, and the files say the same`"],
      "integration/systemd_test.ts": ["pids [0]"],
      [legacy]: [
        likeRunc,
        "pids.limit",
        "pids.limit [no limit]",
        "resources [pids.limit 0: the process runs and makes no other] (cgroup v1)",
      ],
      "golden/create/limits_pids_none": [],
    },
  },
  "network.classID, priorities": {
    what: "net_cls.classid, net_prio.ifpriomap; an error on v2",
    tests: { [units]: ["network [v1 only]"], "golden/create/limits_cgroup_v1": [] },
    open: "no machine with these controllers was at hand: the files are checked in plans only",
  },
  rdma: {
    what: "rdma.max; at least one of handles and objects",
    tests: { [units]: ["rdma [handles, objects, or both]"], [values]: [wrong], [legacy]: [refused] },
    open: "no RDMA device was at hand: the file is checked in plans only",
  },
  devices: {
    what:
      "devices.allow, devices.deny; a program on v2; in order; absent members mean all; defaults and making any node " +
      "always allowed; systemd keeps them on v1; update exchanges them, in one step on v2, as do its lines on v1 never " +
      "allowing more on the way; without any, or with the same again, it leaves them",
    tests: {
      "plan/cgroups_test.ts": [
        "planDeviceRules() writes the rules in order, then those that always hold",
        "planDeviceRules() starts from nothing allowed",
        "planDeviceRules() attaches a program to a v2 cgroup",
        "planDeviceRules() refuses what cgroup v1 cannot keep",
      ],
      "plan/device_exceptions_test.ts": [
        "deviceExceptions() means what the rules mean, for 500 random lists, or refuses",
      ],
      "plan/device_program_test.ts": [
        "compileDeviceRules() means what the rules mean, for 300 random lists",
        "device rules always leave the default devices open, and making any node; nothing else",
        "device rules: a type, a number, an access that is absent means all; the later rule counts",
      ],
      "plan/systemd_test.ts": [
        "device rules are told to systemd on cgroup v1 alone",
        "device rules of a unit that exists take the place of its list",
      ],
      "integration/device_rules_test.ts": [
        "`linux.resources.devices [${list.name}: the effect is runc's] (${version})`",
      ],
      "integration/systemd_test.ts": ["--systemd-cgroup [limits and device rules outlive a daemon-reload]"],
      [updates]: ["planUpdate() leaves what is not set alone, device rules too"],
      "plan/update_devices_test.ts": [
        "planUpdate() puts the new program in the place of the container's in one call, after limits (v2)",
        "planUpdate() attaches beside programs of others, which it names, and none is detached (v2)",
        "planUpdate() does nothing for the rules that are in force; it attaches them where no program is left (v2)",
        "planUpdate() writes what differs from devices.list, and nothing for the rules in force (v1)",
        "planUpdate() turns round what holds for all while processes stand still (v1)",
        "planUpdate() refuses device rules that nothing keeps, and leaves them to the machine's root",
      ],
      "plan/device_changes_test.ts": [
        "deviceChanges() gets from any list to any other, and each moment is between the two, for 1000 random pairs",
      ],
      "integration/update_test.ts": [
        "update --resources [a file, standard input; what is not in it stays, device rules too] (cgroup v1)",
      ],
      "integration/update_devices_test.ts": [
        "`update --resources [device rules take the place of those in force] (cgroup ${version})`",
        "`update --resources [200 times: what both lists deny is never open, what both allow never shut] (cgroup ${version})`",
        "update --resources [to and fro between denying and allowing all but one: never open, never shut] (cgroup v1)",
        "update --resources [programs of others stay and are told of; ours decides with them] (cgroup v2)",
        "update --resources [what fails is undone: the old program decides again] (cgroup v2)",
        "update --resources [what fails is undone: devices.list and limits are as before] (cgroup v1)",
      ],
      "golden/update/devices": [],
      "golden/update/devices_cgroup_v1": [],
    },
  },
  unified: {
    what: 'verbatim on v2, with its controller switched on; an error on v1, without its controller, and with "/"',
    tests: {
      [units]: [
        "unified [v2: verbatim, line by line, with its controller; v1: refused]",
        "unified [a controller that is not there is an error, whatever the file]",
      ],
      "plan/cgroup_controllers_test.ts": ["controllers are switched on in every directory above, from the top"],
      [values]: [wrong],
      [legacy]: [
        refused,
        "`resources [${name}: the files as runc writes them] (cgroup v2)`",
        "resources [a controller that version 2 lacks here is named, and nothing is left] (cgroup v2)",
      ],
    },
  },
  "missing controllers": {
    what: "an error that names field and controller; what asks for nothing is none; not delegated: with systemd's setting",
    tests: {
      "plan/cgroup_controllers_test.ts": [
        "a controller that the machine lacks is named with the field",
        "what is not delegated to a user is named with the controller and systemd's setting",
        "controllers are switched on in every directory above, from the top",
        "without limits what engines read is switched on where it can be had, and nothing looked for or written",
        "the top of a hierarchy takes no limits, and a disabled manager none at all",
      ],
      [values]: ["parseSpec() takes limits that ask for nothing"],
      [legacy]: ["resources [a controller that version 2 lacks here is named, and nothing is left] (cgroup v2)"],
      "golden/create/limits_rootless_delegated": [],
      "golden/create/limits_rootless_undelegated": [],
      "golden/create/limits_refused_cgroup_v1": [],
    },
  },
};
