/**
 * Everything `check` tells about this machine. Input: this machine. Output: findings. Changes nothing: no file is made,
 * no module loaded, no limit touched; user namespaces are tried by a throwaway process.
 * @module
 */
import { Findings, type Finding, textIn } from "./finding.ts";
import type { Host } from "../plan/host.ts";
import { surveyCalls } from "./survey_calls.ts";
import { surveyCgroups } from "./survey_cgroups.ts";
import { surveyLabels, surveySeccomp } from "./survey_security.ts";
import { surveyState, surveySubsystems } from "./survey_system.ts";
import { surveyUsers } from "./survey_users.ts";

/** @param root of the containers' state */
export function survey(host: Host, root: string): Finding[] {
  const found = new Findings();
  found.group("machine");
  found.says("kernel", `${host.kernel.release} ${host.arch}`);
  found.says("started as", `uid ${host.euid}${host.inUserNamespace ? " of a user namespace" : ""}`);
  found.says("container manager around it", textIn("/run/systemd/container") ?? "none that says so");
  surveyCalls(found, host);
  surveyUsers(found, host);
  surveyCgroups(found, host);
  surveySeccomp(found);
  surveyLabels(found);
  surveySubsystems(found);
  surveyState(found, root);
  return found.list;
}
