/**
 * What is cloned of the host's and attached in a container is no peer and no slave of the host's mounts unless that was
 * asked for, and masks are read-only. In: a machine whose mounts are all shared. Out: /proc/self/mountinfo.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { mappedIds, mode } from "../support/mode.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { scoped } from "../support/scope.ts";
import { everything, nothing } from "../support/without.ts";

interface Seen {
  readonly place: string;
  readonly flags: string;
  readonly propagation: string;
}

/** Lines of mountinfo: proc_pid_mountinfo(5). */
function mountsOf(text: string): Seen[] {
  const mounts: Seen[] = [];
  for (const line of text.trim().split("\n")) {
    const [fixed, ...rest] = line.split(" - ")[0]!.split(/ (?=master:|shared:|propagate_from:|unbindable)/);
    const [, , , , place, flags] = fixed!.trim().split(" ");
    mounts.push({ place: place!, flags: flags!, propagation: rest.join(" ").trim() });
  }
  return mounts;
}

for (const ids of mode === "root" ? (["none", mappedIds] as const) : ([mappedIds] as const)) {
  for (const without of [nothing, everything]) {
    const title = `${ids === "none" ? "" : ", a user namespace"}${without === nothing ? "" : ", older calls"}`;
    test(
      `run [no mount of the container is the host's, masked files are read-only${title}]`,
      limits,
      scoped("propagation", ["hostMounts"], async (scope) => {
        const bundle = scope.bundle("cat /proc/self/mountinfo", () => {}, { ids });
        const { config } = bundle;
        mkdirSync(`${bundle.path}/data`);
        writeFileSync(`${bundle.rootfs}/etc/masked`, "");
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
        config.linux.maskedPaths = ["/proc/keys", "/proc/scsi", "/etc/masked"];
        config.linux.readonlyPaths!.push("/mnt/plain");
        config.mounts.push(
          { destination: "/mnt/plain", type: "bind", source: `${bundle.path}/data`, options: ["bind"] },
          { destination: "/mnt/tree", type: "bind", source: `${bundle.path}/data`, options: ["rbind", "ro"] },
          { destination: "/mnt/slave", type: "bind", source: `${bundle.path}/data`, options: ["bind", "rslave"] },
          { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
        );
        bundle.save();
        const before = inOwnMounts('mount --make-rshared / && "$@"');
        const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before, without });
        const mounts = mountsOf(stdout);
        for (const { place, flags, propagation } of mounts) {
          if (place === "/mnt/slave") assert.match(propagation, /^master:\d+$/);
          else assert.equal(propagation, "", place);
          if (place === "/proc/keys" || place === "/etc/masked") assert.match(flags, /^ro,/, place);
        }
        for (const place of ["/mnt/slave", "/etc/masked"]) assert.ok(mounts.some((mount) => mount.place === place));
      }),
    );
  }
}
