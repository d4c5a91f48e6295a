/**
 * Makes a fresh clone ready: npm packages, working bun and deno executables, Debian packages of the step that follows.
 * Plain JavaScript without dependencies for node >= 18: it is the first thing that runs.
 * Input: the step, "start", "unit", "test", "vm" or "bench". Output: exit code 1 if the npm packages cannot be had; a missing
 * Debian package is only said, what needs it then says so itself.
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "./apt.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Debian packages by step, each with a command or a file that shows it is there. */
const wanted = {
  unit: {},
  start: { "busybox-static": "busybox" },
  test: {
    "busybox-static": "busybox",
    strace: "strace",
    iproute2: "ip",
    "util-linux": "unshare",
    uidmap: "newuidmap",
    runc: "runc",
    crun: "crun",
    mmdebstrap: "mmdebstrap",
    tmux: "tmux",
    "linux-libc-dev": "/usr/include/linux/openat2.h",
    "linux-libc-dev-arm64-cross": "/usr/aarch64-linux-gnu/include/linux/openat2.h",
  },
  vm: {
    "busybox-static": "busybox",
    mmdebstrap: "mmdebstrap",
    "qemu-system-x86": "qemu-system-x86_64",
    e2fsprogs: "mkfs.ext4",
  },
  bench: { "busybox-static": "busybox", hyperfine: "hyperfine", uidmap: "newuidmap", runc: "runc", crun: "crun" },
};

/** Packages that package-lock.json wants and node_modules does not have in this version. */
function stalePackages() {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(lock.packages)
    .filter(([path, entry]) => {
      if (path === "" || entry.optional === true || entry.devOptional === true) return false;
      const file = join(root, path, "package.json");
      return !existsSync(file) || JSON.parse(readFileSync(file, "utf8")).version !== entry.version;
    })
    .map(([path]) => path);
}

/** Runs a program; its output only matters where it fails. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", ...options });
  if (result.status === 0) return true;
  console.error(`${command} ${args.join(" ")} failed: ${result.error?.message ?? `exit code ${result.status}`}`);
  console.error(`${result.stdout ?? ""}${result.stderr ?? ""}`.trim());
  return false;
}

const works = (path) => existsSync(path) && spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;

/**
 * npm may hold back the install scripts that put the executables in place, depending on its version and settings;
 * running them a second time does no harm.
 */
function ensureExecutables() {
  const modules = join(root, "node_modules");
  const scripts = [
    { name: "bun", executable: join(modules, "bun/bin/bun.exe"), script: "install.js" },
    { name: "deno", executable: join(modules, "deno/deno"), script: "install.cjs" },
  ];
  for (const { name, executable, script } of scripts) {
    if (works(executable)) continue;
    run(process.execPath, [script], { cwd: join(modules, name) });
    if (!works(executable)) {
      console.error(
        `The npm package "${name}" has no executable for this machine (${process.platform} ${process.arch})`,
      );
      process.exit(1);
    }
  }
}

function isPresent(evidence) {
  if (evidence.startsWith("/")) return existsSync(evidence);
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.some((directory) => existsSync(join(directory, evidence)));
}

const step = process.argv[2] ?? "unit";
if (!Object.hasOwn(wanted, step)) {
  console.error(`Unknown step "${step}": ${Object.keys(wanted).join(", ")}`);
  process.exit(1);
}
if (stalePackages().length > 0) {
  console.log("Installing npm packages");
  if (!run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"])) process.exit(1);
}
ensureExecutables();
const missing = Object.entries(wanted[step])
  .filter(([, evidence]) => !isPresent(evidence))
  .map(([name]) => name);
installPackages(missing);
