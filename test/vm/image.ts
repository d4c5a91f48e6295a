/**
 * The guest's disks: a Debian root file system with a kernel, made once and kept outside the tree, and one with this
 * clone's files, made for each run. In: nothing. Out: paths.
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { native, nativeNames } from "../support/native.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const tree = fileURLToPath(new URL("../..", import.meta.url));

/** Linux 6.12, systemd 257. */
const suite = process.env["BUNKER_VM_SUITE"] ?? "trixie";
const mirror = process.env["BUNKER_VM_MIRROR"] ?? "http://deb.debian.org/debian";

export const cacheDirectory = `${process.env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/bunker-vm`;

/** What the guest needs of this clone. */
const files = ["package.json", "bunfig.toml", "tsconfig.json", "src", "syscalls", "build", "test", "dist"];
const packages = ["bun", "@oven", "citty", "consola", "valibot"];

/** Directory with root.ext4, vmlinuz and initrd.img; minutes the first time, and whenever root.sh has changed. */
export function guestImage(): string {
  const content = `${readFileSync(`${here}root.sh`, "utf8")}${suite}${mirror}`;
  const directory = `${cacheDirectory}/${suite}-${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
  if (existsSync(directory)) return directory;
  console.log(`Making the guest's image out of Debian packages (${suite}); this takes some minutes`);
  const draft = `${directory}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    execFileSync("/bin/sh", [`${here}root.sh`, draft, suite, mirror], { stdio: ["ignore", "inherit", "inherit"] });
    renameSync(draft, directory);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return directory;
}

/** An ext4 image of this clone. @param extra names to texts, beside it */
export function workImage(directory: string, extra: Readonly<Record<string, string>>): string {
  const work = `${directory}/work`;
  mkdirSync(`${work}/node_modules`, { recursive: true });
  for (const name of files) if (existsSync(`${tree}${name}`)) copy(`${tree}${name}`, `${work}/${name}`);
  for (const name of packages) {
    const from = `${tree}node_modules/${name}`;
    if (existsSync(from)) copy(from, `${work}/node_modules/${name}`);
  }
  // The guest has no compiler.
  for (const name of nativeNames) {
    const program = native(name);
    cpSync(program, `${work}/cache/bunker-test/${basename(program)}`);
  }
  for (const [name, text] of Object.entries(extra)) writeFileSync(`${work}/${name}`, text);
  const image = `${directory}/work.ext4`;
  execFileSync("truncate", ["-s", "2G", image]);
  execFileSync("mkfs.ext4", ["-q", "-F", "-O", "^has_journal", "-m", "0", "-d", work, image]);
  rmSync(work, { recursive: true });
  return image;
}

const copy = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, filter: (path) => !/\/(\.git|dist\/test)$/.test(path), verbatimSymlinks: true });
