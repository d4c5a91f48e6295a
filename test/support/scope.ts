/**
 * One test's place: a directory, a state root, ids that nobody else uses; and their guaranteed removal.
 * In: a name. Out: bundles, invocations of a runtime; after the body whatever it left is removed.
 * @module
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { baseConfig, type Config, configText, type IdMapping, withUserNamespace } from "./config.ts";
import { execute, type ExecuteOptions, launch, type Outcome, type Running } from "./execute.ts";
import { cgroupsNamed, processesIn, removeCgroups } from "./leftovers.ts";
import { type Need, type View, missing, viewPrefix } from "./machine.ts";
import { mappedIds, mode, rootlessIds, usesSystemd } from "./mode.ts";
import { makeRootfs } from "./rootfs.ts";
import { bunker, type Runtime } from "./runtime.ts";
import { inSession } from "./session.ts";
import { skip } from "./skip.ts";
import { type Without, withoutPrefix } from "./without.ts";
import {
  asUserOf,
  giveAway,
  ordinaryId,
  type OrdinaryUser,
  prepareUser,
  reachable,
  userEnvironment,
  userFiles,
  usualUser,
} from "./user.ts";

export interface InvokeOptions extends ExecuteOptions {
  view?: View;
  runtime?: Runtime;
  /** Words before the runtime's path: strace and the like. */
  before?: readonly string[];
  /** Calls the runtime has to do without. */
  without?: Without;
  /** Global options, before the command. */
  global?: readonly string[];
  /** Without `--root`: the runtime picks its own state directory. */
  ownRoot?: boolean;
  /** The ordinary user that calls the runtime, or root. */
  user?: OrdinaryUser | "root";
}

export interface BundleOptions {
  /** Ids of a user namespace, which the root file system then belongs to; "none": no user namespace. */
  ids?: readonly IdMapping[] | "none";
  /** Whom the root file system belongs to, where it is not the container's root by `ids`. */
  owner?: number;
}

export interface Bundle {
  path: string;
  rootfs: string;
  config: Config;
  /** Writes config.json again after a change. */
  save: () => void;
}

let counter = 0;

export class Scope {
  /** Part of every id, cgroup and path of this test: what is left behind is found by it. */
  readonly tag: string;
  readonly directory: string;
  readonly root: string;
  #cleanups: (() => void | Promise<void>)[] = [];
  #ids = 0;
  #bundles = 0;
  #used = new Map<string, { runtime: Runtime; view: View; user: OrdinaryUser | "root" }>();
  /** Root file systems and what is beside them → whom they belong to. */
  #owners = new Map<string, number>();
  readonly #user: OrdinaryUser | "root";
  #isFrozen = false;

  /** `user`: who calls the runtime, unless an invocation says otherwise. */
  constructor(name: string, user: OrdinaryUser | "root" = mode === "rootless" ? usualUser : "root") {
    this.#user = user;
    const word = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .slice(0, 30);
    this.tag = `bt${process.pid}x${++counter}`;
    this.directory = mkdtempSync(`${tmpdir()}/bunker-test-${word}-`);
    this.root = `${this.directory}/state`;
    mkdirSync(`${this.directory}/outputs`);
  }

  /** A fresh container id. */
  id(): string {
    return `${this.tag}-${++this.#ids}`;
  }

  /** A bundle with a busybox root file system; `change` edits the base configuration before it is written. */
  bundle(
    args: readonly string[] | string = ["/bin/true"],
    change: (config: Config) => void = () => {},
    options: BundleOptions = {},
  ): Bundle {
    const path = `${this.directory}/bundle${++this.#bundles}`;
    makeRootfs(`${path}/rootfs`);
    const config = baseConfig(typeof args === "string" ? ["/bin/sh", "-c", args] : args);
    const name = `${this.tag}-b${this.#bundles}`;
    if (this.#user === "root") config.linux.cgroupsPath = usesSystemd ? `machine.slice:bt:${name}` : `/${name}`;
    else if (inSession && usesSystemd) config.linux.cgroupsPath = `user.slice:bt:${name}`;
    const usual = this.#user !== "root" ? rootlessIds : mode === "mapped" ? mappedIds : undefined;
    const ids = options.ids ?? usual;
    if (ids !== undefined && ids !== "none") withUserNamespace(config, ids);
    const owner =
      options.owner ?? (ids === "none" ? undefined : ids?.find(({ containerID }) => containerID === 0)?.hostID);
    if (owner !== undefined) {
      chmodSync(this.directory, 0o711); // the container's root may pass, as through an engine's storage
      this.#owners.set(path, owner);
    }
    change(config);
    const bundle: Bundle = {
      path,
      rootfs: `${path}/rootfs`,
      config,
      save: () => writeFileSync(`${path}/config.json`, configText(config)),
    };
    bundle.save();
    return bundle;
  }

  /** The whole command line of a runtime with this test's state root. */
  argv(words: readonly string[], options: InvokeOptions = {}): string[] {
    const runtime = options.runtime ?? bunker();
    const view = options.view ?? "host";
    const user = options.user ?? this.#user;
    this.#used.set(`${runtime.name} ${view} ${JSON.stringify(user)}`, { runtime, view, user });
    this.settle(user);
    return [
      ...viewPrefix(view),
      ...(user === "root" ? [] : userFiles(this.directory, user, runtime.path)),
      ...(options.before ?? []),
      ...(runtime.name === "bunker" ? withoutPrefix(options.without, user === "root") : []),
      ...(user === "root" ? [runtime.path] : [...asUserOf(user), reachable(this.directory)]),
      ...(options.ownRoot === true ? [] : ["--root", this.root]),
      ...(usesSystemd && (user === "root" || inSession) ? ["--systemd-cgroup"] : []),
      ...(options.global ?? []),
      ...words,
    ];
  }

  /** Files that the test wrote until now belong to whoever uses them; each call of a runtime does it too. */
  settle(user: OrdinaryUser | "root" = this.#user): void {
    if (this.#isFrozen) return;
    for (const [path, owner] of this.#owners) giveAway(path, owner);
    if (user === "root") return;
    prepareUser(this.directory, user);
    giveAway(this.directory, ordinaryId, [`${this.directory}/outputs`, `${this.directory}/etc`]);
  }

  /** From now on files keep their owners: somebody exchanges them for others all the while. */
  freeze(): void {
    this.settle();
    this.#isFrozen = true;
  }

  #environment(options: InvokeOptions): Record<string, string> {
    return { ...((options.user ?? this.#user) === "root" ? {} : userEnvironment(this.directory)), ...options.env };
  }

  /** Calls the runtime and waits for it. */
  invoke(words: readonly string[], options: InvokeOptions = {}): Promise<Outcome> {
    const env = this.#environment(options);
    return execute(this.argv(words, options), { outputs: `${this.directory}/outputs`, ...options, env });
  }

  /** Calls the runtime and returns while it runs. */
  launch(words: readonly string[], options: InvokeOptions = {}): Running {
    return this.start(this.argv(words, options), { ...options, env: this.#environment(options) });
  }

  /** Starts any program; it ends with the test at the latest. */
  start(argv: readonly string[], options: ExecuteOptions = {}): Running {
    const running = launch(argv, { outputs: `${this.directory}/outputs`, ...options });
    let isDone = false;
    void running.done.then(() => (isDone = true));
    this.defer(async () => {
      if (!isDone) killQuietly(-running.pid);
      await running.done;
    });
    return running;
  }

  /** Calls the runtime, which must succeed. */
  async succeed(words: readonly string[], options: InvokeOptions = {}): Promise<Outcome> {
    const outcome = await this.invoke(words, options);
    if (outcome.status !== 0) throw new Error(describe(words, outcome));
    return outcome;
  }

  /** Writes an executable file into the test's directory (hooks and the like) and gives its path. */
  script(name: string, text: string): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  }

  /** Something to do after the body, whatever happened; last first. */
  defer(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Ends every container, removes cgroups, mounts and files of this test. */
  async dispose(): Promise<void> {
    for (const cleanup of this.#cleanups.toReversed()) await cleanup();
    // Where a user's runtime keeps its state by itself, too.
    for (const ownRoot of [false, true]) {
      const root = ownRoot ? `${this.directory}/run/bunker` : this.root;
      for (const id of existsSync(root) ? readdirSync(root) : []) {
        for (const { runtime, view, user } of this.#used.values()) {
          if (ownRoot && user === "root") continue; // root's own is another
          await this.invoke(["delete", "--force", id], { runtime, view, user, ownRoot });
        }
      }
    }
    for (const pid of cgroupsNamed(this.tag).flatMap(processesIn)) killQuietly(pid);
    await removeCgroups(this.tag);
    for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n").toReversed()) {
      const point = line.split(" ")[4];
      if (point?.startsWith(`${this.directory}/`)) await execute(["umount", "-l", point]);
    }
    await execute(["rm", "-rf", "--one-file-system", this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // already gone
  }
}

/** Text of a call that went another way than expected. */
export function describe(words: readonly string[], outcome: Outcome): string {
  return [
    `${words.join(" ")}: ${outcome.timedOut ? "timed out, " : ""}status ${outcome.status} signal ${outcome.signal}`,
    `stdout: ${outcome.stdout}`,
    `stderr: ${outcome.stderr}`,
  ].join("\n");
}

/** What node:test hands to a test, as far as a skip needs it. */
export interface TestContext {
  readonly name: string;
  skip(message?: string): void;
}

/**
 * The body of a test with a scope of its own, disposed whatever happens; skipped with the reason where this machine
 * lacks a need. Root and busybox are always needed, and what the mode or the user asks for.
 */
export function scoped(
  name: string,
  needs: readonly Need[],
  body: (scope: Scope) => Promise<void>,
  user: OrdinaryUser | "root" = mode === "rootless" ? usualUser : "root",
): (t: TestContext) => Promise<void> {
  const more: readonly Need[] = user === "root" ? (mode === "mapped" ? ["userNamespaces"] : []) : ordinaryNeeds(user);
  return needing([...more, ...needs], async () => {
    const scope = new Scope(name, user);
    try {
      await body(scope);
    } finally {
      await scope.dispose();
    }
  });
}

const ordinaryNeeds = ({ hasHelpers, hasRanges }: OrdinaryUser): readonly Need[] =>
  hasHelpers && hasRanges ? ["ordinaryUser", "newuidmap"] : ["ordinaryUser"];

/** A body that is skipped with the reason where this machine lacks a need. */
export function needing(needs: readonly Need[], body: () => Promise<void>): (t: TestContext) => Promise<void> {
  return async (t) => {
    const reason = missing("root", "busybox", ...needs);
    if (reason === undefined) await body();
    else skip(t, reason);
  };
}
