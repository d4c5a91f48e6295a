/**
 * A whole Debian: a command that looks around, and an interactive shell in tmux with resize and Ctrl-C.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { debianRootfs } from "../support/debian.ts";
import { execute, until } from "../support/execute.ts";
import { missing } from "../support/machine.ts";
import { Scope, type TestContext } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

/** Making the root takes a while the first time. */
const patient = { timeout: 400_000 } as const;

/** A test in a scope with a Debian bundle; what it writes goes to a tmpfs over /tmp, the root is read-only. */
function withDebian(
  name: string,
  change: (config: Config) => void,
  body: (scope: Scope, bundlePath: string) => Promise<void>,
): (t: TestContext) => Promise<void> {
  return async (t) => {
    const lack = missing("root", "busybox", "tmux");
    if (lack !== undefined) return skip(t, lack);
    const debian = await debianRootfs();
    if ("reason" in debian) return skip(t, debian.reason);
    const scope = new Scope(name);
    try {
      const bundle = scope.bundle(["/bin/bash"], (config) => {
        config.root = { path: debian.path, readonly: true };
        config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
        config.process.env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=xterm", "PS1=inside> "];
        change(config);
      });
      await body(scope, bundle.path);
    } finally {
      await scope.dispose();
    }
  };
}

test(
  "run [Debian: id, mount, ls -l /dev, status]",
  patient,
  withDebian(
    "debian",
    (config) => {
      config.process.args = ["/bin/bash", "-c", "id; mount; ls -l /dev; cat /proc/self/status; cat /etc/os-release"];
    },
    async (scope, bundlePath) => {
      const { stdout } = await scope.succeed(["run", "--bundle", bundlePath, scope.id()]);
      assert.match(stdout, /^uid=0\(root\) gid=0\(root\)/m);
      assert.match(stdout, /^proc on \/proc type proc \(rw,relatime\)$/m);
      assert.match(stdout, /^tmpfs on \/dev type tmpfs \(rw,nosuid,size=65536k,mode=755/m);
      assert.match(stdout, /^\S+ on \/ type \S+ \(ro,/m);
      assert.match(stdout, /^crw-rw-rw- +1 root root +1, +3 .* null$/m);
      assert.match(stdout, /^lrwxrwxrwx .* ptmx -> pts\/ptmx$/m);
      assert.match(stdout, /^Name:\tcat$/m);
      assert.match(stdout, /^CapEff:\t0000000020000420$/m);
      assert.match(stdout, /^ID=debian$/m);
    },
  ),
);

test(
  "run [Debian: interactive shell in tmux, resize, Ctrl-C, exit code]",
  patient,
  withDebian(
    "tmux",
    (config) => {
      config.process.terminal = true;
      config.process.args = ["/bin/bash", "--norc", "-i"];
    },
    async (scope, bundlePath) => {
      const server = ["tmux", "-S", `${scope.directory}/tmux.sock`, "-f", "/dev/null"];
      const tmux = async (...words: string[]): Promise<string> => {
        const outcome = await execute([...server, ...words], { env: { TERM: "xterm", LC_ALL: "C.UTF-8" } });
        assert.equal(outcome.status, 0, `${words.join(" ")}: ${outcome.stderr}`);
        return outcome.stdout;
      };
      const screen = (): Promise<string> => tmux("capture-pane", "-p", "-t", "test");
      const sees = (what: RegExp): Promise<unknown> =>
        until(`the screen to show ${what}`, async () => what.test(await screen()), 10_000);
      const type = (...keys: string[]): Promise<string> => tmux("send-keys", "-t", "test", ...keys);

      const statusFile = `${scope.directory}/status`;
      const run = scope.argv(["run", "--bundle", bundlePath, scope.id()]).join(" ");
      await tmux("new-session", "-d", "-s", "test", "-x", "100", "-y", "30", `${run}; echo $? > ${statusFile}`);
      try {
        await sees(/^inside>/m);
        await type("stty size; tty", "Enter");
        await sees(/^30 100$/m);
        await sees(/^\/dev\/pts\/0$/m);
        await tmux("resize-window", "-t", "test", "-x", "120", "-y", "40");
        await new Promise((resolve) => setTimeout(resolve, 200));
        await type("stty size", "Enter");
        await sees(/^40 120$/m);
        await type("sleep 100; echo after=$?", "Enter");
        await new Promise((resolve) => setTimeout(resolve, 300));
        await type("C-c");
        await type("echo still=$((40 + 2))", "Enter");
        await sees(/^still=42$/m);
        await type("exit 9", "Enter");
        await until("the end", () => existsSync(statusFile) && readFileSync(statusFile, "utf8") !== "", 10_000);
        assert.equal(readFileSync(statusFile, "utf8"), "9\n");
      } finally {
        await execute([...server, "kill-server"]);
      }
    },
  ),
);
