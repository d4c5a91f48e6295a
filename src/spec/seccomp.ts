/**
 * `linux.seccomp`: the shape of a filter profile. In: JSON value. Out: Seccomp.
 * Spec: config-linux.md#seccomp. Names of system calls are not checked: an unknown one is skipped later.
 * @module
 */
import * as v from "valibot";
import { exactU64, u32 } from "./scalars.ts";
import { object, oneOf, optional, strings } from "./shapes.ts";

const actionSchema = oneOf([
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
]);

const architectureSchema = oneOf([
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
]);

const argumentSchema = object(() => ({
  index: u32,
  /** Exact: a bigint from 2^53 on. */
  value: exactU64,
  valueTwo: optional(exactU64),
  op: oneOf([
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
  ]),
}));

const ruleSchema = object(() => ({
  names: v.pipe(
    strings,
    v.check((names) => names.length > 0, "at least one name"),
  ),
  action: actionSchema,
  errnoRet: optional(u32),
  args: optional(v.array(argumentSchema)),
}));

export const seccompSchema = object(() => ({
  defaultAction: actionSchema,
  defaultErrnoRet: optional(u32),
  architectures: optional(v.array(architectureSchema)),
  flags: optional(
    v.array(
      oneOf([
        "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_LOG",
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
      ]),
    ),
  ),
  listenerPath: optional(v.string()),
  listenerMetadata: optional(v.string()),
  syscalls: optional(v.array(ruleSchema)),
}));
