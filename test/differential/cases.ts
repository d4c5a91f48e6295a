/**
 * All cases of the differential test.
 * @module
 */
import type { Case } from "./case.ts";
import { execCases } from "./cases_exec.ts";
import { hookCases } from "./cases_hooks.ts";
import { idmapCases } from "./cases_idmap.ts";
import { joinCases } from "./cases_joins.ts";
import { linuxCases } from "./cases_linux.ts";
import { mountCases } from "./cases_mounts.ts";
import { processCases } from "./cases_process.ts";
import { rootCases } from "./cases_root.ts";
import { seccompCases } from "./cases_seccomp.ts";
import { userCases } from "./cases_users.ts";

export const cases: readonly Case[] = [
  ...mountCases,
  ...rootCases,
  ...processCases,
  ...linuxCases,
  ...seccompCases,
  ...hookCases,
  ...idmapCases,
  ...userCases,
  ...joinCases,
  ...execCases,
];
