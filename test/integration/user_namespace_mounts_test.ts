/**
 * Bind mounts, mounts over the root and ways into it, in a user namespace; locked flags: locked_mounts_test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type Config, type MountEntry, withoutNamespace } from "../support/config.ts";
import { after, both, bundleOf, failBundle, lines, mounting, runBundle } from "../support/guests.ts";

// mount_namespaces(7): what a mount covers is not the container's to see, even for its root with every right
both("a mount below a bound tree cannot be taken away, nor a tree's ro", "covered", [], async (scope, who) => {
  const source = `${scope.directory}/tree`;
  mkdirSync(`${source}/sub`, { recursive: true });
  writeFileSync(`${source}/sub/covered`, "covered\n");
  for (const hooks of [undefined, { createContainer: [{ path: "/bin/true" }] }]) {
    const script =
      "umount /data/sub 2>&1; ls /data/sub; mount -o remount,bind,rw /data 2>&1; mount | grep -c ' /data/sub '";
    const bundle = bundleOf(scope, who, script, (config) => {
      for (const set of ["bounding", "effective", "permitted"]) config.process.capabilities[set] = ["CAP_SYS_ADMIN"];
      config.mounts.push({ destination: "/data", type: "bind", source, options: ["rbind", "ro"] });
      config.mounts.push({ destination: "/passwd", type: "bind", source: "/etc/passwd", options: ["rbind", "ro"] });
      if (hooks !== undefined) config.hooks = hooks;
    });
    const before = after(`mount -t tmpfs -o mode=755 tmpfs ${source}/sub`);
    const outcome = await runBundle(scope, bundle, before);
    assert.match(outcome.stdout, /can't unmount \/data\/sub/);
    assert.doesNotMatch(outcome.stdout, /^covered$/m);
    assert.equal(lines(outcome).at(-1), "1");
    // Only what the runtime cloned is locked with its flags: an ordinary user set them in its own namespace.
    if (who === "root" && (process.env["BUNKER_TEST_WITHOUT"] ?? "") === "")
      assert.match(outcome.stdout, /mount: .*(permission denied|not permitted)/i);
  }
});

// C2, C3
both('bind of "/", all of it and alone', "slash", [], async (scope, who) => {
  const host = (option: string): MountEntry => ({ destination: "/host", source: "/", options: [option, "ro"] });
  const script = "test -d /host/proc/1 && echo with; test -e /host/etc/passwd && echo etc";
  const all = await runBundle(scope, bundleOf(scope, who, script, mounting(host("rbind"))));
  assert.deepEqual(lines(all).slice(0, 2), ["with", "etc"]);
  const alone = bundleOf(scope, who, script, mounting(host("bind")));
  // Without open_tree the runtime cannot clone for the container, whose root does it then.
  const isCloned = who === "root" && (process.env["BUNKER_TEST_WITHOUT"] ?? "") === "";
  if (isCloned) assert.equal(lines(await runBundle(scope, alone))[0], "etc");
  else assert.match(await failBundle(scope, alone), /EINVAL[^]*"rbind" in place of "bind"/);
});

both("sources: relative, a file, links followed, bound and not followed", "sources", [], async (scope, who) => {
  const bundle = bundleOf(
    scope,
    who,
    "cat /relative/file /file /followed; readlink /bound; readlink /copied; cat /real; readlink /link",
    mounting(
      { destination: "/relative", source: "data", options: ["bind"] },
      { destination: "/file", source: "data/file", options: ["bind", "ro"] },
      { destination: "/followed", source: "data/link", options: ["bind"] },
      { destination: "/bound", source: "data/link", options: ["bind", "src-nofollow"] },
      { destination: "/copied", source: "data/link", options: ["bind", "copy-symlink"] },
      { destination: "/link", source: "data/other", options: ["bind", "src-nofollow", "dest-nofollow"] },
    ),
  );
  mkdirSync(`${bundle.path}/data`);
  writeFileSync(`${bundle.path}/data/file`, "text\n");
  symlinkSync("file", `${bundle.path}/data/link`);
  symlinkSync("elsewhere", `${bundle.path}/data/other`);
  writeFileSync(`${bundle.rootfs}/real`, "untouched\n");
  symlinkSync("real", `${bundle.rootfs}/link`);
  for (const name of ["bound", "copied"]) symlinkSync("nowhere", `${bundle.rootfs}/${name}`);
  for (const entry of bundle.config.mounts) {
    if (entry.destination === "/bound" || entry.destination === "/copied") entry.options!.push("dest-nofollow");
  }
  bundle.save();
  assert.deepEqual(lines(await runBundle(scope, bundle)), [
    "text",
    "text",
    "text",
    "file",
    "file",
    "untouched",
    "elsewhere",
  ]);
});

both("masked and read-only paths, a read-only root", "masked", [], async (scope, who) => {
  const script =
    "wc -c < /proc/keys; ls /proc/acpi /sys/firmware 2>/dev/null | grep -vc :; touch /x 2>&1; echo 1 2>&1 > /proc/sys/kernel/msgmax; touch /dev/shm/y && echo shm";
  const bundle = bundleOf(scope, who, script, (config) => {
    config.root.readonly = true;
  });
  const outcome = await runBundle(scope, bundle);
  assert.match(outcome.stdout, /^0\n[^]*touch: \/x: Read-only file system\n[^]*shm\n$/);
  assert.match(outcome.stdout + outcome.stderr, /msgmax: Read-only file system/);
});

// R2, R3
both("mounts below one over /", "overroot", [], async (scope, who) => {
  const change = (config: Config): void => {
    config.mounts.unshift(
      { destination: "/", type: "bind", source: config.root.path, options: ["rbind"] },
      { destination: "/new", type: "tmpfs", source: "tmpfs" },
    );
  };
  const bundle = bundleOf(scope, who, "touch /new/file && grep -c ' /new tmpfs' /proc/mounts; ls -d /new", change);
  assert.deepEqual(lines(await runBundle(scope, bundle)), ["1", "/new"]);
});

both("a destination that is a link to /: later mounts are in what lies there", "linkroot", [], async (scope, who) => {
  for (const words of [[], ["--no-pivot"]]) {
    const bundle = bundleOf(
      scope,
      who,
      "cat /top /new/file; grep -c ' / ' /proc/mounts; stat -c %t:%T /dev/null",
      (config) => {
        config.root.readonly = true;
        config.mounts.unshift(
          { destination: "/link", type: "bind", source: "other", options: ["rbind"] },
          { destination: "/new", type: "bind", source: "data", options: ["bind"] },
        );
      },
    );
    execFileSync("cp", ["-a", bundle.rootfs, `${bundle.path}/other`]);
    writeFileSync(`${bundle.path}/other/top`, "top\n");
    mkdirSync(`${bundle.path}/data`);
    writeFileSync(`${bundle.path}/data/file`, "new\n");
    symlinkSync("/", `${bundle.rootfs}/link`);
    const outcome = await scope.succeed(["run", ...words, "--bundle", bundle.path, scope.id()]);
    assert.deepEqual(lines(outcome).slice(0, 2), ["top", "new"]);
    assert.equal(lines(outcome)[3], "1:3");
  }
});

both("--no-pivot", "nopivot", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "ls /; stat -c %t:%T /dev/null");
  const outcome = await scope.succeed(["run", "--no-pivot", "--bundle", bundle.path, scope.id()]);
  assert.match(outcome.stdout, /\n1:3\n$/);
});

both("no mount namespace of its own: the root is changed, nothing is mounted", "chroot", [], async (scope, who) => {
  const before = readFileSync("/proc/self/mountinfo", "utf8");
  const bundle = bundleOf(scope, who, "test -e /etc/no-such; echo in; ls /proc | wc -l", (config) => {
    withoutNamespace(config, "mount");
    config.mounts = [];
    config.root.readonly = false;
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  assert.deepEqual(lines(await runBundle(scope, bundle)), ["in", "0"]);
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), before);
});
