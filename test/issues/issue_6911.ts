/**
 * `npm run issue-6911`: containerd's issue 6911 on this machine. A pod's /dev/shm is a tmpfs with nosuid, nodev, noexec;
 * a container with a user namespace gets a tmpfs at /dev/shm, then a read-only recursive bind of the pod's over it.
 * runc before 1.2 sets "read-only" by a remount without the flags that the user namespace has locked: EPERM.
 * In: nothing. Out: what the container saw of /dev/shm, by bunker and by every peer that is installed, on one bundle.
 * @module
 */
import { mkdirSync } from "node:fs";
import { mappedIds } from "../support/mode.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { bunker, peer, type Runtime } from "../support/runtime.ts";
import type { Scope } from "../support/scope.ts";
import { execute } from "../support/execute.ts";

export interface Shown {
  readonly name: string;
  readonly version: string;
  readonly status: number | null;
  /** Standard output, then standard error. */
  readonly text: string;
}

const program = `awk '$5 == "/dev/shm" { print "mount", $5, $6 }' /proc/self/mountinfo
echo "content: $(cat /dev/shm/from-the-pod)"
touch /dev/shm/new`;

/** Runs the sequence by one runtime after the other. */
export async function showIssue6911(scope: Scope): Promise<Shown[]> {
  const source = `${scope.directory}/pod-shm`;
  mkdirSync(source);
  const bundle = scope.bundle(
    `${program} || echo "/dev/shm is read-only"`,
    (config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev/shm");
      config.mounts.push(
        {
          destination: "/dev/shm",
          type: "tmpfs",
          source: "shm",
          options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
        { destination: "/dev/shm", type: "bind", source, options: ["rbind", "ro"] },
      );
    },
    { ids: mappedIds },
  );
  const mount = `mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 shm ${source} && echo yes > ${source}/from-the-pod`;
  const before = afterMounting(mount);
  const shown: Shown[] = [];
  const present: (Runtime | undefined)[] = [bunker(), peer("runc"), peer("crun")];
  for (const runtime of present) {
    if (runtime === undefined) continue;
    // crun takes no hybrid cgroups
    const view = runtime.name === "crun" ? "v2" : "host";
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { runtime, before, view });
    const version = (await execute([runtime.path, "--version"])).stdout.split("\n")[0]!;
    shown.push({ name: runtime.name, version, status: outcome.status, text: outcome.stdout + outcome.stderr });
  }
  return shown;
}

/** The report that a person reads. */
export function printIssue6911(shown: readonly Shown[]): string {
  const parts = [
    "containerd issue 6911: /dev/shm a tmpfs, then rbind,ro of another tmpfs (nosuid,nodev,noexec), user namespace\n",
  ];
  for (const { version, status, text } of shown) {
    parts.push(`${version}: ${status === 0 ? "runs" : `fails, status ${status}`}\n`);
    for (const line of text.trimEnd().split("\n")) parts.push(`    ${line}\n`);
  }
  return parts.join("");
}
