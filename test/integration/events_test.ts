/**
 * `events` and `ps`: what they print, beside runc for the same container.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, rmdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { hasUnified } from "../support/limits.ts";
import { limits } from "../support/machine.ts";
import { bunker, isRuncBefore, peer, type Runtime } from "../support/runtime.ts";
import { type Scope, scoped } from "../support/scope.ts";
import type { View } from "../support/machine.ts";

type Stats = { type: string; id: string; data: Record<string, Record<string, unknown>> };

async function running(
  scope: Scope,
  args: string | string[],
  resources: object,
  runtime: Runtime = bunker(),
  view: View = "host",
): Promise<string> {
  const bundle = scope.bundle(args, (config) => {
    config.linux["resources"] = resources;
    config.linux.cgroupsPath = `/${scope.tag}-${runtime.name}`;
  });
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { runtime, view });
  return id;
}

/** Names and kinds of everything in a value, lists by their first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

const asked = {
  memory: { limit: 104_857_600, swap: 209_715_200 },
  cpu: { quota: 50_000, period: 100_000, cpus: "0" },
  pids: { limit: 20 },
};

for (const [version, need] of [
  ["v1", "cgroup1"],
  ["v2", "cgroup2Controllers"],
] as const) {
  test(
    `events --stats [one line, in runc's shape] (cgroup ${version})`,
    limits,
    scoped("stats", [need, "runc"], async (scope) => {
      const lines: Stats[] = [];
      for (const runtime of [bunker(), peer("runc")!]) {
        // Enough of everything that a counter of 0 would be left out.
        const id = await running(scope, "dd if=/dev/zero of=/f bs=64k count=8; sleep 1000", asked, runtime);
        await until("some work", async () => {
          const { stdout } = await scope.succeed(["events", "--stats", id], { runtime });
          return stdout.includes('"throttling":{"periods"');
        });
        const { stdout } = await scope.succeed(["events", "--stats", id], { runtime });
        assert.equal(stdout.trimEnd().split("\n").length, 1);
        lines.push(JSON.parse(stdout) as Stats);
      }
      const [ours, theirs] = lines as [Stats, Stats];
      for (const { data } of [ours, theirs]) {
        // Whether there were any depends on the moment.
        data["blkio"] = {};
        for (const key of ["throttledPeriods", "throttledTime"]) {
          delete (data["cpu"]!["throttling"] as Record<string, unknown>)[key];
        }
        for (const key of ["cache", "kernelTCP"]) delete data["memory"]![key];
        for (const entry of ["usage", "swap"]) delete (data["memory"]![entry] as Record<string, unknown>)["max"];
      }
      if (version === "v2" && isRuncBefore(2)) {
        assert.deepEqual(Object.keys(ours.data["cpu"]!["psi"] as object).sort(), ["full", "some"]);
        for (const entry of ["cpu", "memory", "blkio"]) delete ours.data[entry]!["psi"];
        // It has the files and tells nothing of them.
        if (Object.keys(theirs.data["hugetlb"]!).length === 0) ours.data["hugetlb"] = {};
      }
      assert.equal(ours.type, "stats");
      assert.deepEqual(shapeOf({ ...ours, id: "" }), shapeOf({ ...theirs, id: "" }));
      assert.deepEqual(Object.keys(ours.data), Object.keys(theirs.data));
      assert.deepEqual(ours.data["cpuset"], theirs.data["cpuset"]);
      const limitOf = ({ data }: Stats, entry: string): unknown =>
        (data["memory"]![entry] as Record<string, unknown>)["limit"];
      for (const entry of ["usage", "swap", "kernel"]) assert.equal(limitOf(ours, entry), limitOf(theirs, entry));
      assert.equal(ours.data["pids"]!["limit"], 20);
    }),
  );

  test(
    `events [a line each interval, one when memory ran out, and an end with the container] (cgroup ${version})`,
    limits,
    scoped("oom", [need], async (scope) => {
      // The shell's child takes more than there is; the shell lives on.
      const script = "while [ ! -e /go ]; do sleep 0.1; done; dd if=/dev/zero of=/f2 bs=64M count=1; sleep 1; exit 0";
      const bundle = scope.bundle(script, (config) => {
        config.linux["resources"] = { memory: { limit: 8_388_608, swap: 8_388_608 } };
      });
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
      const watching = scope.launch(["events", "--interval", "300ms", id]);
      await until("two lines", () => watching.output().split("\n").length > 2);
      await scope.succeed(["exec", id, "/bin/touch", "/go"]);
      await until("its word", () => watching.output().includes(`{"type":"oom","id":"${id}"}\n`));
      assert.equal((await watching.done).status, 0);
      for (const line of watching.output().trimEnd().split("\n")) JSON.parse(line);
    }),
  );
}

test(
  "events --stats [integers beyond 2^53 are exact] (cgroup v1)",
  limits,
  scoped("exact", ["cgroup1"], async (scope) => {
    const id = await running(scope, ["/bin/sleep", "1000"], {});
    const { stdout } = await scope.succeed(["events", "--stats", id]);
    assert.match(stdout, /"usage":\{"limit":9223372036854771712,/);
  }),
);

test(
  "events --stats [cgroup v2, whatever controllers there are]",
  limits,
  scoped("unified", ["cgroup2"], async (scope) => {
    const resources = hasUnified("hugetlb") ? { hugepageLimits: [{ pageSize: "2MB", limit: 4_194_304 }] } : {};
    const id = await running(scope, ["/bin/sleep", "1000"], resources, bunker(), "v2");
    const { stdout } = await scope.succeed(["events", "--stats", id], { view: "v2" });
    const { data } = JSON.parse(stdout) as Stats;
    assert.ok(Number((data["cpu"]!["usage"] as Record<string, unknown>)["total"]) > 0);
    if (hasUnified("hugetlb")) assert.deepEqual(data["hugetlb"]!["2MB"], { failcnt: 0 });
  }),
);

test(
  "events --stats [a container without limits is counted, too] (cgroup v2)",
  limits,
  scoped("counted", ["cgroup2Controllers"], async (scope) => {
    const id = await running(scope, ["/bin/sleep", "1000"], {}, bunker(), "v2");
    const { data } = JSON.parse((await scope.succeed(["events", "--stats", id], { view: "v2" })).stdout) as Stats;
    assert.ok(Number((data["memory"]!["usage"] as Record<string, unknown>)["usage"]) > 0, JSON.stringify(data));
    assert.equal(data["pids"]!["current"], 1);
  }),
);

test(
  "ps [every process, as JSON and as a table]",
  limits,
  scoped("ps", ["cgroup1"], async (scope) => {
    const id = await running(scope, "sleep 1001 & sleep 1002 & wait", {});
    const pids = async (): Promise<number[]> =>
      JSON.parse((await scope.succeed(["ps", "--format", "json", id])).stdout) as number[];
    await until("its children", async () => (await pids()).length === 3);
    const { stdout } = await scope.succeed(["ps", id]);
    const rows = stdout.trimEnd().split("\n");
    assert.match(rows[0]!, /^UID\s+PID\s+PPID\s+C\s+STIME\s+TTY\s+TIME\s+CMD$/);
    assert.deepEqual(
      rows.slice(1).map((row) => Number(row.split(/\s+/)[1])),
      await pids(),
    );
    assert.match(rows.slice(1).join("\n"), /^root .*sleep 1001$/m);
    await scope.succeed(["kill", id, "KILL"]);
    // As runc: an empty list, and only the head of the table.
    await until("its end", async () => (await pids()).length === 0);
    assert.match((await scope.succeed(["ps", id])).stdout, /^UID[^\n]+\n$/);
    for (const words of [
      ["events", "--stats", id],
      ["events", id],
    ]) {
      assert.match((await scope.invoke(words)).stderr, /container not running/);
    }
    for (const words of [
      ["ps", "--format", "xml", id],
      ["events", "--interval", "soon", id],
      ["events", "--interval", "0s", id],
    ]) {
      assert.equal((await scope.invoke(words)).status, 1, words.join(" "));
    }
  }),
);

test(
  "ps [a command line and a name with control characters: one row each, nothing for the terminal]",
  limits,
  scoped("ps-control", ["cgroup1"], async (scope) => {
    const named = `sh -c 'printf "na\\033me\\nx) y" > /proc/self/comm; read x < /fifo; : named' &`;
    const shown = "sh -c read x < /fifo; : \u001b[31mRED\u009b\u202e\nroot 1 0 forged é";
    const id = await running(scope, `mkfifo /fifo; ${named} ${shown.replace("-c ", "-c '")}' & exec sleep 1002`, {});
    const rowsOf = async (): Promise<string[]> => (await scope.succeed(["ps", id])).stdout.trimEnd().split("\n");
    await until("its children", async () => (await rowsOf()).length >= 4);
    const rows = await rowsOf();
    const ends = ["CMD", " sleep 1002", " : named", ` ${shown.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?")}`];
    assert.equal(rows.length, ends.length, JSON.stringify(rows));
    for (const end of ends) assert.ok(rows.some((row) => row.endsWith(end)), `${end}: ${JSON.stringify(rows)}`); // prettier-ignore
    assert.ok(
      rows.every((row) => !/[\p{Cc}\p{Cf}]/u.test(row)),
      JSON.stringify(rows),
    );
  }),
);

// runc: ps [--format F] ID [options of ps(1)]
test(
  "ps [options of ps(1) after the id, as runc has them]",
  limits,
  scoped("ps-options", ["cgroup1", "runc"], async (scope) => {
    for (const runtime of [bunker(), peer("runc")!]) {
      const id = await running(scope, "sleep 1001 & sleep 1002 & wait", {}, runtime);
      const psOf = async (...options: string[]) => scope.invoke(["ps", id, ...options], { runtime });
      await until("its children", async () => (await psOf("-e", "-o", "pid")).stdout.trim().split("\n").length === 4);
      const pids = JSON.parse((await scope.succeed(["ps", "-f", "json", id], { runtime })).stdout) as number[];

      const chosen = await psOf("-e", "-o", "ppid,pid,args");
      assert.equal(chosen.status, 0, chosen.stderr);
      const [head, ...rows] = chosen.stdout.trimEnd().split("\n");
      assert.match(head!, /^ *PPID +PID +COMMAND$/);
      assert.deepEqual(
        rows.map((row) => Number(row.trim().split(/\s+/)[1])).sort((a, b) => a - b),
        pids,
        runtime.name,
      );
      assert.match(rows.join("\n"), /sleep 1002$/m);
      assert.match((await psOf("aux")).stdout, /^USER +PID .*\n(.*\n){3}$/);

      const headless = await psOf("-e", "-o", "comm");
      assert.equal(headless.status, 1, runtime.name);
      assert.match(headless.stderr, /PID/);
      const wrong = await psOf("--no-such-option");
      assert.equal(wrong.status, 1, runtime.name);
      assert.match(wrong.stderr, /unknown gnu long option|no-such-option/);
      await scope.succeed(["delete", "--force", id], { runtime });
    }
  }),
);

// A number that nobody has counted is not 0.
test(
  "events, pause, update [no cgroup, or it was removed by somebody: an error that says which]",
  limits,
  scoped("uncounted", ["cgroup2"], async (scope) => {
    const start = async (global: string[]): Promise<{ id: string; pid: number }> => {
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        config.linux.cgroupsPath = `/${scope.tag}-own`;
      });
      return detached(scope, bundle, { view: "v2", global });
    };
    const { id: without } = await start(["--cgroup-manager", "disabled"]);
    const { id: removed, pid } = await start([]);
    const top = existsSync("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
    writeFileSync(`${top}/cgroup.procs`, `${pid}`);
    await until("the cgroup to go", () => {
      try {
        rmdirSync(`${top}/${scope.tag}-own`);
      } catch {
        return false;
      }
      return true;
    });
    for (const [id, why] of [
      [without, /because +it was created without one/],
      [removed, /because +somebody has removed it: \/sys\/fs\/cgroup\/.*-own$/m],
    ] as const) {
      for (const words of [["events", "--stats"], ["events"], ["pause"], ["update", "--pids-limit", "9"]]) {
        const { status, stdout, stderr } = await scope.invoke([...words, id], { view: "v2" });
        assert.deepEqual([status, stdout], [1, ""], words.join(" "));
        assert.match(stderr, /it has no cgroup of its own/, words.join(" "));
        assert.match(stderr, why, words.join(" "));
      }
    }
  }),
);
