/**
 * The whole text of real failures, continued: namespaces that cannot be made or joined, ids that nobody mapped.
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Config, IdMapping } from "../support/config.ts";
import { until } from "../support/execute.ts";
import type { Bundle, Scope } from "../support/scope.ts";
import { ordinaryId, ordinaryRange, usualUser } from "../support/user.ts";
import { type ErrorCase, testError } from "./error_case.ts";

const line = (containerID: number, hostID: number, size: number): IdMapping => ({ containerID, hostID, size });
const mapped = { ids: [line(0, 200_000, 1000)] };
const bare = { hasRanges: false, hasHelpers: false };

const noCgroup = (config: Config): void => void delete config.linux.cgroupsPath;

/** Joins a namespace by path instead of making one. */
function join(config: Config, type: string, path: string): void {
  config.linux.namespaces = [...config.linux.namespaces.filter((namespace) => namespace.type !== type), { type, path }];
}

/** A process in a user namespace with one id, for the container to join. */
async function joinSmallNamespace({ config }: Bundle, scope: Scope): Promise<void> {
  const holder = scope.start(["unshare", "-U", "/bin/sh", "-c", "echo ready; exec sleep 100"]);
  await until("the holder of the namespace", () => holder.output().includes("ready"));
  for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 200000 1\n");
  delete config.linux["uidMappings"];
  delete config.linux["gidMappings"];
  for (const mount of config.mounts) mount.options = mount.options?.filter((option) => option !== "gid=5") ?? [];
  join(config, "user", `/proc/${holder.pid}/ns/user`);
}

const namespaces: ErrorCase[] = [
  {
    name: "namespaces_without_privilege",
    inside: ["setpriv", "--inh-caps=-all", "--bounding-set=-sys_admin"],
    change: noCgroup,
  },
  {
    name: "namespaces_limited_to_none",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => {
      noCgroup(config);
      for (const key of ["uidMappings", "gidMappings"]) config.linux[key] = [line(0, 0, 1)];
    },
    inside: ["unshare", "-Urm"],
    setupInside: () => "echo 0 > /proc/sys/user/max_user_namespaces",
  },
  {
    name: "namespaces_nested_too_deep",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => {
      noCgroup(config);
      for (const key of ["uidMappings", "gidMappings"]) config.linux[key] = [line(0, 0, 1)];
    },
    inside: Array.from({ length: 33 }, () => ["unshare", "-Urm"]).flat(),
  },
  {
    name: "namespaces_of_a_user_without_id",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: noCgroup,
    inside: ["unshare", "-Um"],
  },
  {
    name: "joined_path_missing",
    change: (config) => join(config, "network", "/run/netns/nothing"),
  },
  {
    name: "joined_process_gone",
    change: (config) => join(config, "ipc", "/proc/999999999/ns/ipc"),
  },
  {
    name: "joined_wrong_type",
    change: (config) => join(config, "network", "/proc/self/ns/uts"),
  },
  {
    name: "joined_no_namespace",
    change: (config) => join(config, "ipc", "/etc/passwd"),
  },
  {
    name: "joined_own_user_namespace",
    change: (config) => join(config, "user", "/proc/self/ns/user"),
  },
  {
    name: "joined_network_of_the_machine",
    user: usualUser,
    bundle: {},
    prepare: ({ path, config }) => join(config, "network", `${path}/net`),
    setup: ({ path }) => `touch ${path}/net; mount --bind /proc/self/ns/net ${path}/net`,
  },
  {
    name: "joined_namespace_out_of_reach",
    user: usualUser,
    bundle: {},
    change: (config) => join(config, "network", "/proc/1/ns/net"),
  },
  {
    name: "time_offset_before_zero",
    needs: ["userNamespaces"],
    change: (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux["timeOffsets"] = { boottime: { secs: -999_999_999 } };
    },
  },
];

const ids: ErrorCase[] = [
  {
    name: "ids_overlapping",
    needs: ["userNamespaces"],
    bundle: { ids: [line(0, 200_000, 1000), line(500, 300_000, 10)] },
  },
  {
    name: "ids_beyond_the_last",
    needs: ["userNamespaces"],
    bundle: { ids: [line(0, 200_000, 1), line(1, 4_294_967_290, 100)] },
  },
  {
    name: "ids_too_many",
    needs: ["userNamespaces"],
    bundle: { ids: Array.from({ length: 341 }, (_, id) => line(id, 200_000 + 2 * id, 1)) },
  },
  {
    name: "ids_too_long",
    needs: ["userNamespaces"],
    bundle: { ids: Array.from({ length: 330 }, (_, id) => line(id, 200_000 + 2 * id, 1)) },
  },
  {
    name: "ids_outer",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: noCgroup,
    inside: ["unshare", "-Urm"],
  },
  {
    name: "helper_missing",
    user: { hasRanges: true, hasHelpers: false },
    bundle: {},
  },
  {
    name: "helper_refuses",
    user: usualUser,
    bundle: { ids: [line(0, ordinaryId, 1), line(1, ordinaryRange.first + ordinaryRange.count - 5, 10)] },
    needs: ["newuidmap"],
  },
  {
    name: "helper_without_ranges",
    user: { hasRanges: false, hasHelpers: true },
    bundle: { ids: [line(0, ordinaryId, 1), line(1, 300_000, 10)] },
    needs: ["newuidmap"],
  },
  {
    name: "process_uid_unmapped",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => void (config.process.user = { uid: 1000, gid: 0 }),
  },
  {
    name: "process_uid_unmapped_in_joined",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => void (config.process.user = { uid: 33, gid: 0 }),
    prepare: joinSmallNamespace,
  },
  {
    name: "process_groups_unmapped_in_joined",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => void (config.process.user = { uid: 0, gid: 0, additionalGids: [7] }),
    prepare: joinSmallNamespace,
  },
  {
    name: "process_groups_given_up",
    user: bare,
    bundle: { ids: [line(0, ordinaryId, 1)] },
    change: (config) => void (config.process.user = { uid: 0, gid: 0, additionalGids: [0] }),
  },
  {
    name: "idmap_without_privilege",
    user: usualUser,
    bundle: {},
    change: (config) => void config.mounts.push({ destination: "/mnt", source: "data", options: ["bind", "idmap"] }),
    prepare: ({ path }) => void mkdirSync(`${path}/data`),
  },
];

const execs: ErrorCase[] = [
  { name: "exec_program_missing", exec: { command: ["/bin/nothing"] } },
  { name: "exec_cwd_missing", exec: { options: ["--cwd", "/nothing"], command: ["/bin/true"] } },
  {
    name: "exec_user_unmapped",
    needs: ["userNamespaces"],
    bundle: mapped,
    exec: { options: ["--user", "1000:1000"], command: ["/bin/true"] },
  },
  {
    name: "exec_program_on_noexec_mount",
    change: (config) => void config.mounts.push({ destination: "/mnt", source: "data", options: ["bind", "noexec"] }),
    prepare: ({ path }) => {
      mkdirSync(`${path}/data`);
      writeFileSync(`${path}/data/tool`, "#!/bin/sh\n", { mode: 0o755 });
    },
    exec: { command: ["/mnt/tool"] },
  },
  {
    name: "exec_without_interpreter",
    prepare: ({ rootfs }) => writeFileSync(`${rootfs}/bin/tool`, "#!/usr/bin/python3\n", { mode: 0o755 }),
    exec: { command: ["tool"] },
  },
  {
    name: "exec_groups_given_up",
    user: bare,
    bundle: { ids: [line(0, ordinaryId, 1)] },
    change: (config) => {
      for (const mount of config.mounts) mount.options = mount.options?.filter((option) => option !== "gid=5") ?? [];
    },
    exec: { options: ["--additional-gids", "0"], command: ["/bin/true"] },
  },
];

for (const error of [...namespaces, ...ids, ...execs]) testError(error);
