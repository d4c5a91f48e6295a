/**
 * Installs Debian packages through apt-get, quietly. Plain JavaScript: also runs under node, before anything else is there.
 * Input: package names. Output: whether all of them are there now; says why not.
 * @module
 */
import { spawnSync } from "node:child_process";

let updated = false;

/**
 * @param {readonly string[]} packages
 * @returns {boolean} true where all are installed now
 */
export function installPackages(packages) {
  if (packages.length === 0) return true;
  const list = packages.join(" ");
  if (spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status !== 0) {
    console.error(`No apt-get here: please install ${list} by hand`);
    return false;
  }
  if (process.getuid?.() !== 0) {
    console.error(`Not root: please run "sudo apt-get install ${list}"`);
    return false;
  }
  console.log(`Installing Debian packages: ${list}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args) => spawnSync("apt-get", ["-qq", ...args], { env, encoding: "utf8" });
  if (!updated) {
    updated = true;
    const update = run("update");
    if (update.status !== 0) console.error(`apt-get update failed: ${update.stderr.trim().split("\n").at(-1)}`);
  }
  const install = run("install", "-y", "--no-install-recommends", ...packages);
  if (install.status === 0) return true;
  console.error(`apt-get install ${list} failed: ${install.stderr.trim().split("\n").at(-1)}`);
  return false;
}
