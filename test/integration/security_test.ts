/**
 * Attacks on runtimes, by what they would change on the machine: hostile files in the bundle and the working
 * directory, links in the root file system, descriptors and environment that get in.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readlinkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { bunker } from "../support/runtime.ts";
import { scoped } from "../support/scope.ts";

const hostile = "process.exit(66); throw new Error('hostile')";

/** Files that an engine or a loader might pick up, each with content that shows. */
function plantFiles(directory: string): string[] {
  const files: Record<string, string> = {
    "bunfig.toml": 'preload = ["./preload.ts"]\n[test]\npreload = ["./preload.ts"]\n',
    ".env": "BUN_OPTIONS=--preload=./preload.ts\nNODE_OPTIONS=--require=./preload.js\n",
    ".env.local": "BUN_INSPECT=1\n",
    ".npmrc": "registry=http://127.0.0.1:1/\n",
    "preload.ts": hostile,
    "preload.js": hostile,
    "index.ts": hostile,
    "package.json": '{"name": "hostile", "type": "module", "main": "index.ts", "imports": {"#x": "./index.ts"}}',
    "tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./index.ts"]}}}',
    "jsconfig.json": '{"compilerOptions": {"paths": {"*": ["./index.ts"]}}}',
    "node_modules/citty/package.json": '{"name": "citty", "main": "index.js"}',
    "node_modules/citty/index.js": hostile,
    "libc.so.6": "not a library",
    "libc.so": "not a library",
    "shim.so": "not a library",
    "deno.json": '{"imports": {"citty": "./index.ts"}}',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(`${directory}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${directory}/${name}`, text);
  }
  return Object.keys(files);
}

/** Paths that were opened, executed or read through a link, with the process's directory where relative. */
function openedPaths(trace: string): string[] {
  const calls =
    /\b(?:open|openat|openat2|execve|execveat|readlink|readlinkat|uselib|memfd_create)\((?:[^"\n]*)"((?:[^"\\]|\\.)*)"/g;
  return [...trace.matchAll(calls)].map((match) => match[1]!);
}

for (const where of ["the bundle", "the working directory"]) {
  test(
    `run [hostile files in ${where} are not even opened]`,
    limits,
    scoped("hostile", ["strace"], async (scope) => {
      const bundle = scope.bundle("echo fine", (config) => {
        config.process.env.push("BUN_OPTIONS=--nonsense");
      });
      const directory = where === "the bundle" ? bundle.path : `${scope.directory}/cwd`;
      mkdirSync(directory, { recursive: true });
      const planted = plantFiles(directory);
      const file = `${scope.directory}/trace`;
      for (const word of ["run", "create", "explain"]) {
        const id = scope.id();
        const running = scope.launch([word, "--bundle", bundle.path, ...(word === "explain" ? [] : [id])], {
          cwd: directory,
          before: ["strace", "-f", "-s", "4096", "-o", file, "-e", "trace=%file,memfd_create"],
        });
        if (word === "create") {
          // strace stays until the container's process has ended too.
          await until("the container", async () => (await scope.invoke(["state", id])).stdout.includes("created"));
          await scope.succeed(["start", id]);
        }
        const outcome = await running.done;
        assert.equal(outcome.status, 0, outcome.stderr);
        if (word !== "explain") assert.equal(outcome.stdout, "fine\n");
        const trace = readFileSync(file, "utf8");
        const opened = openedPaths(trace);
        assert.ok(
          opened.some((path) => path === `${bundle.path}/config.json` || path === "config.json"),
          "the trace is a trace",
        );
        // Everything after the program took over is the container's.
        const names = new Set(planted.map((name) => name.split("/").at(-1)!));
        const bad = opened.filter((path) => {
          if (path === bunker().path) return false;
          const last = path.split("/").findLast((part) => part !== "") ?? "";
          if (
            path.startsWith(`${bundle.path}/`) &&
            path !== `${bundle.path}/config.json` &&
            !path.startsWith(bundle.rootfs)
          )
            return true;
          if (path.startsWith("/tmp/") && !path.startsWith(scope.directory)) return true;
          return names.has(last) && !path.startsWith("/lib/") && !path.startsWith("/usr/lib/");
        });
        assert.deepEqual(bad, []);
      }
    }),
  );
}

test(
  "run [nothing is written below /tmp, the working directory or the home]",
  limits,
  scoped("writes", ["strace"], async (scope) => {
    const bundle = scope.bundle("true");
    const file = `${scope.directory}/trace`;
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      cwd: bundle.path,
      env: { HOME: scope.directory, TMPDIR: scope.directory },
      before: [
        "strace",
        "-f",
        "-s",
        "4096",
        "-o",
        file,
        "-e",
        "trace=open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat",
      ],
    });
    const made = [
      ...readFileSync(file, "utf8").matchAll(/"([^"]*)", [^\n]*O_CREAT|(?:mkdir|mkdirat|mknod)\([^"\n]*"(\/[^"]*)"/g),
    ]
      .map((match) => match[1] ?? match[2]!)
      .filter(
        (path) => path.startsWith("/") && !path.startsWith(`${scope.root}`) && !path.startsWith("/sys/fs/cgroup/"),
      );
    assert.deepEqual(made, []);
    assert.deepEqual(readdirSync(bundle.path).toSorted(), ["config.json", "rootfs"]);
  }),
);

test(
  "run [variables that steer the engine do nothing]",
  limits,
  scoped("engine", [], async (scope) => {
    const bundle = scope.bundle("echo fine");
    writeFileSync(`${scope.directory}/evil.js`, hostile);
    for (const env of [
      { BUN_OPTIONS: `--preload=${scope.directory}/evil.js` },
      { BUN_BE_BUN: "1" },
      { BUN_INSPECT: "ws://127.0.0.1:1/" },
      { NODE_OPTIONS: `--require=${scope.directory}/evil.js` },
      { BUN_INSPECT_PRELOAD: `${scope.directory}/evil.js` },
      { BUN_JSC_useJIT: "0" },
      { BUN_JSC_dumpOptions: "3" },
      { BUN_JSC_noSuchOption: "1" },
    ]) {
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
        env: env as Record<string, string>,
      });
      assert.equal(outcome.status, 0, `${JSON.stringify(env)} ${outcome.stderr}`);
      assert.equal(outcome.stdout, "fine\n", JSON.stringify(env));
    }
  }),
);

test(
  "run [CVE-2024-21626: working directory through a leaked descriptor]",
  limits,
  scoped("cwd", [], async (scope) => {
    const bundle = scope.bundle("ls; cat ../../../../../../../../etc/hostname");
    for (const number of Array(25).keys()) {
      for (const path of [`/proc/self/fd/${number}`, `/proc/self/fd/${number}/../../..`]) {
        bundle.config.process.cwd = path;
        bundle.save();
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        if (outcome.status === 0) {
          // A descriptor of the standard three is no directory, so nothing here may work.
          assert.fail(`cwd ${path} worked: ${outcome.stdout}`);
        }
      }
    }
  }),
);

test(
  "run [process 1: nothing of the machine by its descriptors, root, directory, maps]",
  limits,
  scoped("inside", [], async (scope) => {
    const bundle = scope.bundle(
      "ls -l /proc/1/fd/; readlink /proc/1/root; readlink /proc/1/cwd; cat /proc/1/maps /proc/self/mountinfo; ls /proc",
    );
    for (const options of [[], ["--no-pivot"]]) {
      const outcome = await scope.succeed(["run", ...options, "--bundle", bundle.path, scope.id()]);
      assert.doesNotMatch(outcome.stdout, /bunker(?!-test)|memfd|stage/, "nothing of the runtime shows");
      assert.match(outcome.stdout, /^\/\n\/$/m);
      const mountRoots = outcome.stdout
        .split("\n")
        .filter((line) => / - /.test(line))
        .map((line) => line.split(" ")[3]);
      assert.ok(mountRoots.length > 5);
    }
  }),
);

test(
  "create [the waiting process is out of reach and small]",
  limits,
  scoped("waiting", [], async (scope) => {
    const bundle = scope.bundle("true");
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    const { pid } = await stateOf(scope, id);
    const descriptors = readdirSync(`/proc/${pid}/fd`);
    assert.ok(descriptors.length <= 8, `it holds ${descriptors.join(" ")}`);
    // Whoever is in its pid namespace, or enters it, may take these.
    const places = descriptors.filter((fd) => Number(fd) > 2).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    assert.ok(places.length >= 2 && places.every((place) => place.startsWith("socket:")), places.join(" "));
    assert.doesNotMatch(readFileSync(`/proc/${pid}/maps`, "utf8"), /libc|libpthread|dist\/bunker/);
    assert.equal(readFileSync(`/proc/${pid}/root/etc/hosts`, "utf8"), "127.0.0.1 localhost\n");
  }),
);

test(
  "run [image's /etc/passwd a pipe: not read, no hanging]",
  limits,
  scoped("fifo", [], async (scope) => {
    const bundle = scope.bundle(["/bin/sh", "-c", "echo fine"], (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    });
    rmSync(`${bundle.rootfs}/etc/passwd`);
    await scope.succeed(["list", "-q"]);
    const made = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
      before: ["/bin/sh", "-c", `mkfifo ${bundle.rootfs}/etc/passwd && exec "$@"`, "sh"],
      timeoutMs: 5000,
    });
    assert.equal(made.stdout, "fine\n", made.stderr);
    assert.ok(existsSync(`${bundle.rootfs}/etc/passwd`));
  }),
);
