/**
 * `linux.seccomp`, statement by statement, and the tests that hold them.
 * In: nothing. Out: the table; config_test.ts checks that every test in it exists.
 * @module
 */
import type { Requirement } from "./table.ts";

const compiler = "seccomp/compile_test.ts";
const differential = "seccomp/differential_test.ts";
const filters = "integration/seccomp_test.ts";
const supervisor = "integration/seccomp_supervisor_test.ts";
const values = "spec/linux_test.ts";
const contradictions = "parseSpec() refuses filters that contradict themselves";
const told = '`create, start, exec [seccomp supervisor, ${noNewPrivileges ? "with" : "without"} no_new_privs]`';

export const seccompRequirements: Readonly<Record<string, Requirement>> = {
  "defaultAction and actions": {
    what: "KILL, KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, ALLOW, LOG, NOTIFY; the default is required",
    tests: {
      [compiler]: ["compileSeccomp() returns what each action says"],
      [values]: [contradictions],
      "spec/enumerations_test.ts": ["/linux/seccomp/defaultAction", "/linux/seccomp/syscalls/0/action"],
      [filters]: ["run [seccomp, a killed process]"],
    },
  },
  "defaultErrnoRet, errnoRet": {
    what: "EPERM unless given; given for an action that takes none: an error",
    tests: {
      [compiler]: ["compileSeccomp() gives numbers along with ERRNO and TRACE"],
      [values]: [contradictions],
      [filters]: ["`run [seccomp, errno of a rule, ${word}]`"],
    },
  },
  architectures: {
    what: "the 23 of the specification; the machine's own is always there; calls of others kill",
    tests: {
      "spec/enumerations_test.ts": ["/linux/seccomp/architectures/0", "the 23 architectures of runtime-spec are there"],
      [compiler]: [
        "compileSeccomp() kills calls of architectures that the profile does not name",
        "compileSeccomp() compiles for every architecture it has a table of, and tells the others",
      ],
      [differential]: ["the numbers of libseccomp and those of the kernel's headers agree where both have one"],
    },
    open: "PA-RISC and SuperH have no table: a warning; no machine that bunker runs on makes such calls",
  },
  flags: {
    what: "TSYNC, LOG, SPEC_ALLOW, WAIT_KILLABLE_RECV; absent: SPEC_ALLOW",
    tests: {
      "spec/enumerations_test.ts": ["/linux/seccomp/flags/0"],
      "plan/seccomp_moment_test.ts": ["the filter's flags are those asked for; with none said it allows speculation"],
      [filters]: ["run [seccomp, flags]"],
      "golden/create/seccomp_no_new_privileges": [],
      "golden/create/seccomp_privileged": [],
      "golden/create/seccomp_supervisor": [],
    },
    open: "a flag that the kernel does not know is an error, where crun leaves all flags out",
  },
  "syscalls[].names": {
    what: "at least one; names that nothing knows are skipped and said",
    tests: {
      [values]: [contradictions],
      [compiler]: ["compileSeccomp() leaves out names that no architecture knows, and tells them"],
      [filters]: ["run [seccomp, an unknown name is a warning]"],
    },
  },
  "syscalls[].args": {
    what: "NE LT LE EQ GE GT MASKED_EQ on 64 bits; all conditions, or one of those on the same argument",
    tests: {
      [compiler]: [
        "compileSeccomp() compares whole 64-bit arguments",
        "compileSeccomp() masks an argument by value and compares to valueTwo",
        "compileSeccomp() asks for all conditions of a rule, for one of those on the same argument",
      ],
      [differential]: ["compileSeccomp() agrees with libseccomp about 100 random profiles"],
      [filters]: ["run [seccomp, conditions on arguments]", "run, exec [seccomp, numbers that only 64 bits hold]"],
    },
  },
  "several rules for one call": {
    what: "the first without conditions decides, else the more particular one; a rule like the default is left out",
    tests: {
      [compiler]: [
        "compileSeccomp() lets the first rule without conditions decide, wherever it stands",
        "compileSeccomp() tests the more particular rule first",
      ],
      [differential]: ["compileSeccomp() agrees with libseccomp about 100 random profiles"],
    },
  },
  "calls younger than the profile": {
    what: "ENOSYS above the greatest number named (runc #2750), unless unnamed calls run or ask a tracer",
    tests: { [compiler]: ["compileSeccomp() says ENOSYS to calls younger than the youngest one named"] },
  },
  moment: {
    what: "as late as the kernel allows, before others could use the process without it",
    tests: {
      "plan/seccomp_moment_test.ts": [
        "without no_new_privs a created container gives CAP_SYS_ADMIN up behind the filter, before it is ready",
        "a profile that stops what is left under it is loaded last, with and without no_new_privs",
      ],
      "golden/create/seccomp_no_new_privileges": [],
      "golden/create/seccomp_privileged": [],
      [filters]: ["run [seccomp, nothing the runtime does has to be allowed with no_new_privs]", "exec [seccomp]"],
    },
  },
  NOTIFY: {
    what: "not as the default action; not without listenerPath",
    tests: { [values]: [contradictions] },
  },
  listenerPath: {
    what:
      "AF_UNIX SOCK_STREAM, one connection a process, the container process state along with the descriptor, then " +
      "closed; ignored where no rule asks; exec tells, too; an error where nobody listens",
    tests: {
      [supervisor]: [
        told,
        "run [seccomp supervisor that is asked about whatever the runtime does]",
        "run [seccomp supervisor that is not there]",
        "run [seccomp supervisor that nothing asks]",
      ],
      "golden/exec/seccomp_supervisor": [],
    },
  },
  listenerMetadata: {
    what: "goes along; without listenerPath an error",
    tests: { [values]: [contradictions], [supervisor]: [told] },
  },
};
