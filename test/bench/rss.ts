/**
 * `npm run rss`: memory of what stays while a container waits or runs: the process between `create` and `start`,
 * and the foreground monitor; runc's and crun's beside. Ends with 1 when one of bunker's is over its limit.
 * @module
 */
import { readFileSync } from "node:fs";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { missing } from "../support/machine.ts";
import { type Runtime, runtimes } from "../support/runtime.ts";
import { Scope } from "../support/scope.ts";

/** KB, for bunker. */
const limits = { waiting: 100, monitor: 200 };

interface Memory {
  /** KB: resident set, and the share of it that is the process's own. */
  rss: number;
  pss: number;
}

const field = (path: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(path, "utf8"))?.[1] ?? Number.NaN);

const memoryOf = (pid: number): Memory => ({
  rss: field(`/proc/${pid}/status`, "VmRSS"),
  pss: field(`/proc/${pid}/smaps_rollup`, "Pss"),
});

/** Both processes of one runtime. */
async function measure(runtime: Runtime): Promise<{ waiting: Memory; monitor: Memory }> {
  const scope = new Scope("rss");
  const options = { runtime, view: "v2" as const };
  try {
    const bundle = scope.bundle("echo ready; exec sleep 1000");
    const waiting = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, waiting], options);
    const { pid } = await stateOf(scope, waiting, options);
    const first = memoryOf(pid);
    await scope.succeed(["delete", "--force", waiting], options);

    const foreground = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, foreground], options);
    await until("the program", () => running.output().includes("ready"));
    await new Promise((resolve) => setTimeout(resolve, 300)); // the runtime has become its monitor
    const second = memoryOf(running.pid);
    await scope.succeed(["kill", foreground, "KILL"], options);
    await running.done;
    return { waiting: first, monitor: second };
  } finally {
    await scope.dispose();
  }
}

const reason = missing("root", "busybox", "cgroup2");
if (reason !== undefined) {
  console.log(`rss: cannot measure here: ${reason}`);
  process.exit(1);
}

console.log("runtime   waiting for start         foreground monitor");
console.log("           RSS KB   PSS KB           RSS KB   PSS KB");
let over = 0;
for (const runtime of runtimes()) {
  const { waiting, monitor } = await measure(runtime);
  const cells = [waiting.rss, waiting.pss, monitor.rss, monitor.pss].map((value) => String(value).padStart(9));
  console.log(`${runtime.name.padEnd(8)}${cells[0]}${cells[1]}        ${cells[2]}${cells[3]}`);
  if (runtime.name !== "bunker") continue;
  // A value that could not be read is over the limit too.
  if (!(waiting.rss < limits.waiting)) over++;
  if (!(monitor.rss < limits.monitor)) over++;
}
console.log(
  `limits of bunker: ${limits.waiting} KB waiting, ${limits.monitor} KB monitor: ${over === 0 ? "kept" : "EXCEEDED"}`,
);
process.exit(over === 0 ? 0 : 1);
