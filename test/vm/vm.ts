/**
 * `npm run test:vm`: the integration tests that need cgroup v2, its controllers and systemd, in a QEMU guest.
 * Input: --only NAME (one step), --command TEXT (that instead of tests). Output: failures, skips with reasons, a count a
 * step; exit code 1 on failures. Needs root, mmdebstrap, QEMU. The machine is emulated: some two hours for everything.
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { parseJunit } from "../support/junit.ts";
import { findProgram } from "../support/machine.ts";
import { cacheDirectory, guestImage, workImage } from "./image.ts";
import { type Step, steps } from "./steps.ts";

/** Longest run of the guest. */
const limitMs = 4 * 60 * 60_000;

/** Emulation works everywhere; BUNKER_VM_ACCEL=kvm is some ten times as fast where nested machines do not break it. */
const accelerator = process.env["BUNKER_VM_ACCEL"] ?? "tcg,thread=multi";

const resultBytes = 256 * 1024 * 1024;

const { values: options } = parseArgs({ options: { only: { type: "string" }, command: { type: "string" } } });

const qemu = "qemu-system-x86_64";
if (process.arch !== "x64") throw new Error("The guest is an x86_64 machine: only such a machine runs it in time");
for (const name of [qemu, "mmdebstrap", "mkfs.ext4", "flock", "tar"]) {
  if (findProgram(name) === undefined) throw new Error(`${name} is not installed`);
}

/** Words of the kernel's command line: version 2 alone, and no time spent on what a guest does not need. */
const kernel = "root=/dev/vda rw console=ttyS0 quiet panic=-1 cgroup_no_v1=all mitigations=off audit=0 net.ifnames=0";

/** One disk; in this order they are vda, vdb, vdc. */
const disk = (path: string, more = ""): string[] => ["-drive", `file=${path},format=raw,if=virtio,cache=unsafe${more}`];

/** Boots and waits for the end; what the guest says is passed on. Two at once would only slow each other down. */
async function boot(image: string, work: string, results: string, directory: string): Promise<void> {
  const words = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "3G", "-cpu", "max,-cx16"];
  words.push("-accel", accelerator, "-smp", String(Math.min(4, cpus().length)));
  words.push("-kernel", `${image}/vmlinuz`, "-initrd", `${image}/initrd.img`, "-append", kernel);
  words.push(...disk(`${image}/root.ext4`, ",snapshot=on"), ...disk(work), ...disk(results));
  words.push("-device", "virtio-rng-pci", "-serial", `file:${directory}/console`, "-serial", "stdio");
  const child = spawn("flock", ["--no-fork", `${cacheDirectory}/lock`, qemu, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: directory },
  });
  let isHeard = false;
  child.stdout.on("data", (data: Buffer) => {
    isHeard = true;
    process.stdout.write(data);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const status = await new Promise((resolve) => void child.on("exit", resolve));
  clearTimeout(timer);
  if (status !== 0 || !isHeard)
    throw new Error(`The guest ended with ${String(status)}: ${lastLines(`${directory}/console`)}`);
}

const lastLines = (path: string): string =>
  existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").slice(-20).join("\n") : "";

/** The report of one step: failures with their messages, skips with their reasons. Returns how many failed. */
function report({ name }: Step, directory: string): { passed: number; failed: number; skipped: number } {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const xml = `${directory}/${name}.xml`;
  if (!existsSync(xml)) {
    console.log(`\n--- ${name} made no report:\n${lastLines(`${directory}/${name}.log`)}\n`);
    return { ...counts, failed: 1 };
  }
  const reasons = new Map<string, string>();
  const skips = `${directory}/${name}.skips`;
  for (const line of existsSync(skips) ? readFileSync(skips, "utf8").split("\n") : []) {
    if (line === "") continue;
    const entry = JSON.parse(line) as { name: string; reason: string };
    reasons.set(entry.name, entry.reason);
  }
  for (const { name: test, status, message } of parseJunit(readFileSync(xml, "utf8"))) {
    const reason = reasons.get(test) ?? (status === "skipped" ? "no reason given" : undefined);
    if (status === "failed") {
      counts.failed++;
      console.log(`\n--- ${name}: ${test}\n${message.trimEnd().split("\n").slice(0, 30).join("\n")}\n`);
    } else if (reason === undefined) counts.passed++;
    else {
      counts.skipped++;
      console.log(`SKIP ${name}: ${test}: ${reason}`);
    }
  }
  const { passed, failed, skipped } = counts;
  console.log(`${failed > 0 ? "FAIL" : "ok  "} ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return counts;
}

const chosen = steps.filter(({ name }) => options.only === undefined || name.includes(options.only));
const lines = chosen.map(({ name, variables = {}, files }) => {
  const assignments = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  const paths = files.map((file) => `./test/integration/${file}_test.ts`);
  return `${name}|${assignments.join(" ")}|${paths.join(" ")}`;
});

mkdirSync(cacheDirectory, { recursive: true });
const image = guestImage();
const directory = mkdtempSync(`${cacheDirectory}/run-`);
const totals = { passed: 0, failed: 0, skipped: 0 };
try {
  const work = workImage(directory, {
    steps: `${lines.join("\n")}\n`,
    ...(options.command === undefined ? {} : { command: options.command }),
  });
  const results = `${directory}/results`;
  writeFileSync(results, "");
  truncateSync(results, resultBytes);
  await boot(image, work, results, directory);
  if (options.command === undefined) {
    if (statSync(results).size > 0) execFileSync("tar", ["-C", directory, "-xf", results]);
    for (const step of chosen) {
      const counts = report(step, directory);
      for (const key of ["passed", "failed", "skipped"] as const) totals[key] += counts[key];
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (options.command === undefined) {
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
}
process.exit(totals.failed > 0 ? 1 : 0);
