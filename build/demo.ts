/**
 * The demonstration of `npm start`: makes a small root file system and a bundle in a temporary directory, runs one
 * container with dist/bunker, shows the container's own view and how long it took, and leaves nothing behind.
 * @module
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { hostArchitecture } from "./compile_c.ts";
import { zig } from "./zig.ts";

const bunker = fileURLToPath(new URL("../dist/bunker", import.meta.url));

/** What the container prints about itself; every command is an applet of busybox. */
const view = `echo "id         $(id)"
echo "hostname   $(hostname)"
echo "pid        $$"
echo "processes"; ps -o pid,user,args | sed 's/^/           /'
echo "mounts"; awk '{ printf "           %-22s %-8s %s\\n", $2, $3, $4 }' /proc/self/mounts
echo "interfaces $(ls /sys/class/net | tr '\\n' ' ')"
echo "bounds     $(grep -E 'CapBnd|NoNewPrivs' /proc/self/status | tr -s '\\t\\n' '  ')"
`;

/** The same in C for machines without busybox. */
const program = `
#include <stdio.h>
#include <unistd.h>
int main(void) {
  char line[4096], host[65] = "";
  gethostname(host, 64);
  printf("id         uid=%d gid=%d\\nhostname   %s\\npid        %d\\nmounts\\n", getuid(), getgid(), host, getpid());
  FILE *mounts = fopen("/proc/self/mounts", "r");
  while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) printf("           %s", line);
  return 0;
}
`;

function findBusybox(): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  for (const path of directories.map((directory) => join(directory, "busybox"))) {
    // A dynamically linked one would miss its libraries in the container.
    if (existsSync(path) && !readFileSync(path).includes("/ld-linux")) return path;
  }
  return undefined;
}

/** Fills the root file system; returns what to run in it. */
function makeRoot(rootfs: string): string[] {
  for (const directory of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"])
    mkdirSync(join(rootfs, directory), { recursive: true });
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\n");
  const busybox = findBusybox();
  if (busybox === undefined) {
    const source = join(rootfs, "tmp/view.c");
    writeFileSync(source, program);
    const target = `${hostArchitecture()}-linux-musl`;
    const result = spawnSync(zig().path, [
      "cc",
      "-target",
      target,
      "-static",
      "-Os",
      "-o",
      join(rootfs, "bin/view"),
      source,
    ]);
    if (result.status !== 0) throw new Error(`Cannot compile the demonstration's program: ${result.stderr.toString()}`);
    return ["/bin/view"];
  }
  copyFileSync(busybox, join(rootfs, "bin/busybox"));
  chmodSync(join(rootfs, "bin/busybox"), 0o755);
  const applets = spawnSync(busybox, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  for (const applet of applets) if (applet !== "busybox") symlinkSync("busybox", join(rootfs, "bin", applet));
  writeFileSync(join(rootfs, "bin/view"), view);
  return ["/bin/sh", "/bin/view"];
}

function run(args: string[], quiet: boolean): { status: number | null; ms: number; output: string } {
  const start = performance.now();
  const result = spawnSync(bunker, args, {
    encoding: "utf8",
    stdio: quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
  });
  if (quiet && result.status !== 0) console.error(result.stderr);
  return { status: result.status, ms: performance.now() - start, output: result.stdout ?? "" };
}

const base = mkdtempSync(join(tmpdir(), "bunker-demo-"));
let status = 1;
try {
  const args = makeRoot(join(base, "rootfs"));
  console.log("\n$ bunker spec --bundle DIR");
  if (run(["spec", "--bundle", base], true).status === 0) {
    const file = join(base, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    config.process.args = args;
    config.process.terminal = false;
    config.hostname = "bunker-demo";
    writeFileSync(file, JSON.stringify(config, null, 2));

    const plan = run(["explain", "--bundle", base], true).output.trimEnd().split("\n");
    console.log(`$ bunker explain DIR      # ${plan.length} lines; some of them:`);
    for (const call of ["clone3", "fsopen", "openat2", "move_mount", "pivot_root", "capset", "execve"]) {
      const line = plan.find((text) => text.includes(` ${call}(`));
      if (line !== undefined) console.log(`  ${line.trimEnd()}`);
    }

    const id = `demo-${process.pid}`;
    console.log(`\n$ bunker run ${id}`);
    const outcome = run(["--root", join(base, "state"), "run", "--bundle", base, id], false);
    status = outcome.status ?? 1;
    console.log(`\nexit code ${status}, ${outcome.ms.toFixed(1)} ms from start to end`);
    if (status === 0 && args[0] === "/bin/sh") {
      config.process.args = ["/bin/true"];
      writeFileSync(file, JSON.stringify(config));
      const times = Array.from(
        { length: 10 },
        () => run(["--root", join(base, "state"), "run", "--bundle", base, id], true).ms,
      );
      console.log(`the same container with /bin/true: ${Math.min(...times).toFixed(1)} ms (best of ${times.length})`);
    }
    if (status !== 0 && process.getuid?.() !== 0)
      console.log("This version needs root to make a container: try sudo npm start");
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
process.exit(status);
