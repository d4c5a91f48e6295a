/**
 * Variations over `linux.seccomp`: what programs meet under filters that bunker compiled and that libseccomp compiled.
 * @module
 */
import type { Seccomp, SeccompRule } from "../../src/spec/types.ts";
import { dockerProfile, podmanProfile } from "../seccomp/profiles.ts";
import type { Config } from "../support/config.ts";
import type { Case } from "./case.ts";

const probe =
  "mkdir /tmp/made 2>&1; echo $?; chmod 4755 /tmp 2>&1; echo $?; unshare -u hostname other 2>&1; echo $?; " +
  "mount -t tmpfs none /tmp 2>&1; echo $?; (sync; echo $?)";

const filtered = (name: string, seccomp: Seccomp, more: (config: Config) => void = () => {}): Case => ({
  name: `seccomp, ${name}`,
  extra: probe,
  change: (config) => {
    config.linux["seccomp"] = seccomp;
    more(config);
  },
});

const withoutNoNewPrivileges = (config: Config): void => {
  config.process.noNewPrivileges = false;
};

const allowing = (...syscalls: SeccompRule[]): Seccomp => ({ defaultAction: "SCMP_ACT_ALLOW", syscalls });
const makeDirectory = ["mkdir", "mkdirat"];
const setsUser: NonNullable<SeccompRule["args"]>[number] = {
  index: 1,
  value: 0o4000,
  valueTwo: 0o4000,
  op: "SCMP_CMP_MASKED_EQ",
};

export const seccompCases: Case[] = [
  filtered("podman's profile", podmanProfile()),
  filtered("podman's profile without no_new_privs", podmanProfile(), withoutNoNewPrivileges),
  filtered("a profile like Docker's", dockerProfile()),
  filtered("a profile like Docker's without no_new_privs", dockerProfile(), withoutNoNewPrivileges),
  filtered("errno", allowing({ names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 28 })),
  filtered("errno by default EPERM", allowing({ names: makeDirectory, action: "SCMP_ACT_ERRNO" })),
  filtered("kill process", allowing({ names: makeDirectory, action: "SCMP_ACT_KILL_PROCESS" })),
  filtered("kill", allowing({ names: makeDirectory, action: "SCMP_ACT_KILL" })),
  filtered("trap", allowing({ names: makeDirectory, action: "SCMP_ACT_TRAP" })),
  filtered("trace without a tracer", allowing({ names: makeDirectory, action: "SCMP_ACT_TRACE" })),
  filtered("log", allowing({ names: makeDirectory, action: "SCMP_ACT_LOG" })),
  filtered("condition", allowing({ names: ["chmod"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args: [setsUser] })),
  filtered(
    "conditions on one argument",
    allowing({
      names: ["chmod"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 5,
      args: [setsUser, { index: 1, value: 0o700, op: "SCMP_CMP_EQ" }],
    }),
  ),
  filtered("rules for one call", {
    ...allowing(
      { names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 5 },
      { names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 28 },
    ),
    flags: [],
  }),
  filtered("names and architectures of other machines", {
    ...allowing({ names: [...makeDirectory, "riscv_flush_icache", "set_tls"], action: "SCMP_ACT_ERRNO" }),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"],
  }),
];
