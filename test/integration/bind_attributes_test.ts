/**
 * What a bind keeps of a source that is nosuid, nodev, noexec, or read-only: the table of src/plan/bind_attributes.ts, of
 * ours and of the peers that are here. In: options, whose user namespace. Out: flags that the container sees.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import test from "node:test";
import { limits, missing } from "../support/machine.ts";
import { mappedIds, rootlessIds } from "../support/mode.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { bunker, isCurrent, peer, type Runtime, type RuntimeName } from "../support/runtime.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";
import { usualUser } from "../support/user.ts";
import { everything, nothing, type Without } from "../support/without.ts";

type Fate = "kept" | "cleared" | "error";
/** By crun, runc, ours. */
type Fates = readonly [crun: Fate, runc: Fate, ours: Fate];

interface Row {
  readonly options: readonly string[];
  readonly none: Fates;
  readonly mapped: Fates;
  readonly locked: Fates;
}

const kept = ["kept", "kept", "kept"] as const;
const cleared = ["cleared", "cleared", "cleared"] as const;
/** What root's user namespace makes of it. */
const keptByNamespace = ["cleared", "kept", "kept"] as const;
const refused = ["cleared", "error", "kept"] as const;

const table: readonly Row[] = [
  { options: ["bind"], none: ["cleared", "kept", "kept"], mapped: keptByNamespace, locked: kept },
  { options: ["bind", "rprivate"], none: ["cleared", "kept", "kept"], mapped: keptByNamespace, locked: kept },
  { options: ["bind", "rw"], none: cleared, mapped: keptByNamespace, locked: kept },
  { options: ["rbind", "rprivate", "rw"], none: cleared, mapped: keptByNamespace, locked: kept },
  { options: ["bind", "ro"], none: ["kept", "cleared", "cleared"], mapped: kept, locked: kept },
  { options: ["bind", "nosuid"], none: cleared, mapped: keptByNamespace, locked: kept },
  { options: ["bind", "relatime"], none: cleared, mapped: keptByNamespace, locked: kept },
  { options: ["bind", "noatime"], none: cleared, mapped: refused, locked: ["error", "error", "error"] },
  { options: ["bind", "exec"], none: cleared, mapped: refused, locked: ["kept", "error", "error"] },
  { options: ["bind", "rro"], none: kept, mapped: kept, locked: kept },
];

const namespaces = [
  { name: "no user namespace", key: "none", ids: "none", user: "root" },
  { name: "a user namespace", key: "mapped", ids: mappedIds, user: "root" },
  { name: "the caller's own user namespace", key: "locked", ids: rootlessIds, user: usualUser },
] as const;
type Namespace = (typeof namespaces)[number];

/** Flags of the bind as mountinfo has them; undefined: the runtime has refused. */
async function flagsOf(
  scope: Scope,
  { ids }: Namespace,
  options: readonly string[],
  source: string,
  runtime: Runtime,
  without: Without,
): Promise<string[] | undefined> {
  const bundle = scope.bundle("awk '$5 == \"/mnt/b\" {print $6}' /proc/self/mountinfo", () => {}, { ids });
  const data = `${bundle.path}/data`;
  mkdirSync(data);
  bundle.config.mounts.push({ destination: "/mnt/b", type: "bind", source: data, options: [...options] });
  bundle.save();
  const before = afterMounting(
    `mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs -o mode=755,${source} source ${data}`,
  );
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { runtime, before, without });
  if (outcome.status === 0) return outcome.stdout.trim().split(",");
  assert.match(outcome.stderr, /EPERM|[Oo]peration not permitted/, options.join());
  return undefined;
}

/** Those of nosuid, nodev, noexec that no option names. */
function fateOf(flags: string[] | undefined, options: readonly string[]): Fate | string {
  if (flags === undefined) return "error";
  const left: string[] = [];
  let unnamed = 0;
  for (const flag of ["suid", "dev", "exec"]) {
    if (options.includes(flag) || options.includes(`no${flag}`)) continue;
    unnamed++;
    if (flags.includes(`no${flag}`)) left.push(`no${flag}`);
  }
  return left.length === 0 ? "cleared" : left.length === unnamed ? "kept" : left.join();
}

const runtimeTest = (title: string, name: RuntimeName, user: Namespace["user"], body: Body): void =>
  void test(`run [${title}: ${name === "bunker" ? "ours" : `as ${name}`}]`, limits, async (t) => {
    const runtime = name === "bunker" ? bunker() : peer(name);
    const reason = missing("cgroup2", "userNamespaces");
    if (reason !== undefined) skip(t, reason);
    else if (runtime === undefined || (name !== "bunker" && !isCurrent(runtime))) skip(t, `needs a current ${name}`);
    else await scoped("bindattributes", [], (scope) => body(scope, runtime), user)(t);
  });

type Body = (scope: Scope, runtime: Runtime) => Promise<void>;

for (const namespace of namespaces) {
  for (const [index, name] of (["crun", "runc", "bunker"] as const).entries()) {
    for (const without of name === "bunker" ? [nothing, everything] : [nothing]) {
      const title = `flags of a bind's source, ${namespace.name}${without === nothing ? "" : ", older calls"}`;
      runtimeTest(title, name, namespace.user, async (scope, runtime) => {
        for (const row of table) {
          // mount(2) reaches a source from inside only, where its flags are locked.
          const fates = without === everything && namespace.key === "mapped" ? row.locked : row[namespace.key];
          const flags = await flagsOf(scope, namespace, row.options, "nosuid,nodev,noexec", runtime, without);
          assert.equal(fateOf(flags, row.options), fates[index], `${row.options.join()}: ${flags?.join()}`);
          for (const option of ["ro", "nosuid", "noatime"]) {
            if (flags !== undefined && row.options.includes(option)) assert.ok(flags.includes(option), option);
          }
          if (flags !== undefined && row.options.includes("exec") && fates[index] === "kept" && name === "bunker") {
            assert.ok(!flags.includes("noexec"));
          }
        }
      });
    }
  }
}

// Both peers clear it with any option but ro where no user namespace is.
for (const namespace of namespaces) {
  runtimeTest(`a read-only source, ${namespace.name}`, "bunker", namespace.user, async (scope, runtime) => {
    for (const { options } of table) {
      const flags = await flagsOf(scope, namespace, options, "ro", runtime, nothing);
      const isWritable = options.includes("rw");
      if (isWritable && namespace.key === "locked") assert.equal(flags, undefined, options.join());
      else if (flags !== undefined) assert.equal(flags[0], isWritable ? "rw" : "ro", options.join());
    }
  });
}
