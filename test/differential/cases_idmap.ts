/**
 * Variations over id-mapped bind mounts. Owners are compared as the container sees them, and those of files it made as
 * they are outside. runc 1.1 of Debian 12 ignores a mount's mappings without a word, and passes "idmap" to the kernel.
 * @module
 */
import { chownSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { mappedIds } from "../support/mode.ts";
import type { Bundle } from "../support/scope.ts";
import type { Case } from "./case.ts";
import { source } from "./cases_mounts.ts";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });

/** Files of several owners. */
function owned(bundle: Bundle): string {
  const path = source(bundle);
  for (const [uid, gid] of [
    [0, 0],
    [7, 8],
    [1000, 1000],
  ] as const) {
    writeFileSync(`${path}/${uid}`, "");
    chownSync(`${path}/${uid}`, uid, gid);
  }
  chownSync(path, 7, 8);
  return path;
}

function owners(bundle: Bundle): Record<string, string> {
  const path = `${bundle.path}/data`;
  return Object.fromEntries(
    readdirSync(path).map((name) => {
      const { uid, gid } = statSync(`${path}/${name}`);
      return [`outside ${name}`, `${uid}:${gid}`];
    }),
  );
}

function idmap(name: string, options: string[], more: object = {}, fails = false): Case {
  return {
    name: `idmap ${name}`,
    extra: "stat -c '%n %u:%g' /mnt/data /mnt/data/*; touch /mnt/data/new 2>&1",
    change: (config, bundle) => {
      config.mounts.push({ destination: "/mnt/data", source: owned(bundle), options, ...more });
    },
    collect: owners,
    without: { runc: "runc 1.1 knows no id-mapped mounts" },
    ...(fails ? { fails } : {}),
  };
}

/** In a user namespace: a tmpfs as the source, whose files nobody gives to the container's root. */
function ofUser(name: string, option: string, more: Partial<Case> = {}): Case {
  return {
    name: `user namespace, idmap ${name}`,
    ids: mappedIds,
    extra: "stat -c '%n %u:%g' /mnt/data /mnt/data/*; touch /mnt/data/new 2>&1; stat -c '%u:%g' /mnt/data/new",
    mounts: ({ path }) =>
      `mount -t tmpfs -o mode=777 v ${path}/data && cd ${path}/data && touch a b c && chown 7:8 b && chown 200007:200000 c`,
    change: (config, bundle) => {
      config.mounts.push({ destination: "/mnt/data", source: source(bundle), options: ["bind", option] });
    },
    without: { runc: "runc 1.1 knows no id-mapped mounts" },
    ...more,
  };
}

const mappings = {
  uidMappings: [line(7, 0, 1), line(1000, 5, 10)],
  gidMappings: [line(8, 0, 1)],
};

export const idmapCases: Case[] = [
  idmap("mappings", ["bind", "idmap"], mappings),
  idmap("mappings without the option", ["bind"], mappings),
  idmap("mappings, rbind ro", ["rbind", "ro", "idmap"], mappings),
  idmap("option", ["bind", "idmap=uids=7-0-1#1000-5-10;gids=8-0-1"]),
  idmap("option, mappings win", ["bind", "idmap=uids=1-1-1;gids=1-1-1"], mappings),
  idmap("option with a wrong word", ["bind", "idmap=users=1-1-1"], {}, true),
  idmap("option with one half", ["bind", "idmap=uids=1-1-1"], {}, true),
  idmap("option relative to nothing", ["bind", "idmap=uids=@1-1-1;gids=@1-1-1"], {}, true),
  idmap("of nothing", ["bind", "idmap"], {}, true),
  idmap("with overlapping ids", ["bind", "idmap=uids=0-0-5#3-9-1;gids=0-0-1"], {}, true),
  ofUser("by its own mapping", "idmap"),
  ofUser("by ids of the host", "idmap=uids=0-200000-5#7-200100-1;gids=0-200000-100"),
  ofUser("by ids of the container", "idmap=uids=@0-0-100;gids=@0-0-100"),
  ofUser("by ids the container does not have", "idmap=uids=@70000-70000-1;gids=@0-0-1", { fails: true }),
];
