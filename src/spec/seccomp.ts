/**
 * `linux.seccomp`: the shape of a filter profile. In: JSON value. Out: Seccomp.
 * Spec: config-linux.md#seccomp. Names of system calls are not checked: an unknown one is skipped later.
 * @module
 */
import * as v from "valibot";
import { seccompActions, seccompArchitectures, seccompFlags, seccompOperators } from "./enumerations.ts";
import { u32, u64 } from "./scalars.ts";
import { object, oneOf, optional, strings } from "./shapes.ts";

const actionSchema = oneOf(seccompActions);

const architectureSchema = oneOf(seccompArchitectures);

const argumentSchema = object(() => ({
  index: u32,
  /** Exact: a bigint from 2^53 on. */
  value: u64,
  valueTwo: optional(u64),
  op: oneOf(seccompOperators),
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
  flags: optional(v.array(oneOf(seccompFlags))),
  listenerPath: optional(v.string()),
  listenerMetadata: optional(v.string()),
  syscalls: optional(v.array(ruleSchema)),
}));
