/**
 * Mounts by mount(2): the calls of Linux 5.2 and 5.12, of which one at least is missing here, made into older ones.
 * Input: items of a plan whose host mounts are cloned by the stage. Output: items.
 *
 * What those calls keep detached is made ready in "scratch", a tmpfs laid over "/" of the stage's namespace that nobody
 * else reaches, and moved from there (MS_MOVE): as with move_mount(2) a mount is complete when it becomes visible, and if
 * anything fails before, none is left at its destination (S7). Sources and targets are descriptors, named to mount(2) by
 * their links in the host's /proc (pseudo-calls mount_fd, bind_fd, new_mount, remount_fd): no path is looked up again.
 * Once the root is entered that /proc is out of reach, so a filesystem mounted later for our own use is mounted before.
 *
 * Kernel: mount(2), mount_namespaces(7); the topmost mount over "/" is what ".." of the process's root is (R2)
 * Not possible: id-mapped mounts (mount_idmap.ts refuses them); bind mounts shared with the host; sources that the
 *   container's root may not open
 * @module
 */
import { isRegister } from "./kinds.ts";
import { configureDraft, type Draft, maxDataBytes, mountFlags } from "./mount_draft.ts";
import type { Alternative, Call, Item, Refusal, Register, StructValue, Value } from "./types.ts";

/** The first of them begins planRootIds (user_namespace.ts). */
const takesIds: readonly string[] = ["setgroups", "setresgid", "setresuid"];

const joined = (flags: readonly string[]): string => (flags.length === 0 ? "0" : flags.join("|"));

export class LoweredMounts {
  registers: number;
  readonly refusals: Refusal[] = [];
  readonly #reason: string;
  readonly #isPeer: boolean;
  #scratch: Register | undefined;
  #places = 0;
  /** By the register of the context that fsopen would have made. */
  readonly #drafts = new Map<number, Draft>();
  /** Registers that hold one mount, not a tree. */
  readonly #single = new Set<number>();
  #isEntered = false;
  /** The root filesystem's own directory, where its mount goes for hooks. */
  #rootPlace: Register | undefined;
  /** Scratch may lie there now, beneath the root. */
  #isAside = false;
  #output: Item[] = [];
  /**
   * Where the stage's lines begin that take the ids of the container's root; -1: there are none. Before them its user is
   * the runtime's, whose directories on the way to a source may be closed to others.
   */
  #ids = -1;
  #isTop = false;
  /** Where the lines begin that enter the root: before that the host's /proc is in reach. */
  #entry = -1;

  /**
   * @param reason why this is done, for refusals
   * @param isPeer mounts made in the container could reach the host: no user namespace is between them
   */
  constructor(registers: number, reason: string, isPeer: boolean) {
    this.registers = registers;
    this.#reason = reason;
    this.#isPeer = isPeer;
  }

  lower(items: readonly Item[]): Item[] {
    this.#output = [];
    for (const item of items) {
      if (item.kind === "alternative") this.#output.push(this.#alternative(item));
      else {
        if (item.side === "stage" && this.#ids < 0 && this.#scratch === undefined && takesIds.includes(item.call)) {
          this.#ids = this.#output.length;
        }
        // enterRoot begins with it.
        if (item.side === "stage" && item.call === "fchdir" && this.#entry < 0) this.#entry = this.#output.length;
        this.#isTop = true;
        const calls = this.#call(item);
        this.#isTop = false;
        for (const call of calls) this.#output.push(call);
      }
    }
    return this.#output;
  }

  #items(items: readonly Item[]): Item[] {
    const lowered: Item[] = [];
    for (const item of items) {
      if (item.kind === "alternative") lowered.push(this.#alternative(item));
      else for (const call of this.#call(item)) lowered.push(call);
    }
    return lowered;
  }

  #alternative(item: Alternative): Alternative {
    const attempt: Call[] = [];
    for (const call of item.attempt) for (const lowered of this.#call(call)) attempt.push(lowered);
    const then = this.#items(item.then);
    const branches = item.branches.map((branch) => ({ ...branch, items: this.#items(branch.items) }));
    return { ...item, attempt, then, branches };
  }

  #call(call: Call): Call[] {
    if (call.side === "runtime" || call.side === "thread") return [call];
    switch (call.call) {
      case "open_tree":
        return this.#openTree(call);
      case "mount_setattr":
        return this.#setAttributes(call);
      case "move_mount":
        return this.#move(call);
      case "fsopen":
        this.#drafts.set(call.out!.register, { type: call.args[0] as string, source: "none", flags: [], data: [] });
        return [];
      case "fsconfig":
        this.#configure(call);
        return [];
      case "fsmount":
        return this.#mount(call);
      case "close":
        return isRegister(call.args[0]) && this.#drafts.has(call.args[0].register) ? [] : [call];
      case "openat":
        return call.from === "/root/path" && call.args[0] === "AT_FDCWD" ? this.#early(call) : [call];
      case "verify_same":
        this.#rootPlace = call.args[0] as Register;
        return [call];
      case "pivot_root":
        return this.#pivot(call);
      case "chroot":
        this.#isEntered = true;
        return [call];
      default:
        return [call];
    }
  }

  #register(): Register {
    return { register: this.registers++ };
  }

  /** Another call in the place of one, with its pointer and side. */
  #line(from: Call, name: string, args: readonly Value[], out?: Register, why?: string): Call {
    const { kind, side, from: pointer } = from;
    const note = why ?? from.why;
    return {
      kind,
      side,
      call: name,
      args,
      from: pointer,
      ...(out === undefined ? {} : { out }),
      ...(note === undefined ? {} : { why: note }),
      ...(from.allow === undefined || name === "close" ? {} : { allow: from.allow }),
    };
  }

  /** A name in scratch that nothing has yet. */
  #place(): string {
    return String(this.#places++);
  }

  /** The first mount call of the stage cuts the namespace off the host's; then scratch is made. */
  #isolate(call: Call): Call[] {
    const scratch = this.#register();
    this.#scratch = scratch;
    const from = { ...call, from: "" };
    const why = "mounts are made ready here and moved from here";
    return [
      // Never MS_PRIVATE: sources are taken from here now, and those asked to be slaves are to be slaves of the host's.
      this.#line(call, "mount", [null, "/", null, "MS_REC|MS_SLAVE", null]),
      this.#line(from, "mount", ["tmpfs", "/", "tmpfs", "MS_NOSUID|MS_NODEV|MS_NOEXEC", "mode=0700"], undefined, why),
      this.#line(
        from,
        "openat",
        ["AT_FDCWD", "/..", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0],
        scratch,
        'the topmost mount over "/"',
      ),
      this.#line(from, "verify_fs", [scratch, "TMPFS_MAGIC"], undefined, ""),
      this.#line(
        from,
        "mount_fd",
        [scratch, scratch, "MS_UNBINDABLE"],
        undefined,
        'no recursive bind of "/" takes it along',
      ),
    ];
  }

  #openTree(call: Call): Call[] {
    const [directory, path, given] = call.args as [Value, string, string];
    const out = call.out!;
    if (this.#scratch === undefined) return [call];
    const isTree = given.includes("AT_RECURSIVE");
    if (isTree) this.#single.delete(out.register);
    else this.#single.add(out.register);
    const flags = isTree ? "MS_BIND|MS_REC" : "MS_BIND";
    const bind = (source: Value): Call =>
      this.#line(call, "bind_fd", [this.#scratch!, this.#place(), source, flags], out);
    if (path === "") return [bind(directory)];
    const source = this.#register();
    const noFollow = given.includes("AT_SYMLINK_NOFOLLOW") ? "|O_NOFOLLOW" : "";
    const open = this.#line(call, "openat", [directory, path, `O_PATH${noFollow}|O_CLOEXEC`, 0], source);
    return [...this.#early(open), bind(source), this.#line(call, "close", [source])];
  }

  /** Opens what is the host's before the stage takes other ids, where that is certain to be wanted. */
  #early(open: Call): Call[] {
    if (!this.#isTop || this.#ids < 0 || this.#isEntered) return [open];
    this.#output.splice(this.#ids++, 0, open);
    return [];
  }

  #setAttributes(call: Call): Call[] {
    const [fd, path, given, attributes] = call.args as [Value, string, string, StructValue];
    const isTree = given.includes("AT_RECURSIVE");
    const propagation = attributes["propagation"] as string | undefined;
    if (fd === "AT_FDCWD" && path === "/") return this.#isolate(call);
    const lines: Call[] = [];
    const set = mountFlags(attributes["attr_set"]);
    const clear = mountFlags(attributes["attr_clr"]);
    if (set.length > 0 || clear.length > 0) {
      const isOne = !isTree || (isRegister(fd) && this.#single.has(fd.register));
      lines.push(this.#line(call, isOne ? "remount_fd" : "remount_tree", [fd, joined(set), joined(clear)]));
    }
    if (propagation !== undefined) {
      if (propagation === "MS_SHARED" && this.#isPeer && call.from.endsWith("/source")) {
        // Bound from a namespace that is cut off already, it would be shared with nobody.
        const message = `a bind mount shared with the host takes open_tree: ${this.#reason}`;
        this.refusals.push({ pointer: call.from, message });
      }
      const flags = isTree ? `MS_REC|${propagation}` : propagation;
      // Whatever is changed after the root is entered is the root: its /proc is the container's.
      if (this.#isEntered) lines.push(this.#line(call, "mount", [null, "/", null, flags, null]));
      else lines.push(this.#line(call, "mount_fd", [fd, fd, flags]));
    }
    return lines;
  }

  #move(call: Call): Call[] {
    const [mount, , target, path] = call.args as [Value, string, Value, string];
    if (this.#scratch === undefined) return [call];
    // Over "/": a mount put on any of those stacked there lands on top.
    if (target === "AT_FDCWD") return [this.#line(call, "mount_fd", [mount, this.#scratch, "MS_MOVE"])];
    if (path === "") {
      const line = this.#line(call, "mount_fd", [mount, target, "MS_MOVE"]);
      if (!isRegister(target) || target.register !== this.#rootPlace?.register) return [line];
      // A hook that enters the namespace arrives at what lies over "/" (setns(2)): that is to be the host's root.
      this.#isAside = true;
      const aside = this.#line(call, "mount_fd", [this.#scratch, target, "MS_MOVE"], undefined, 'clears "/" for hooks');
      return [aside, line];
    }
    const place = this.#register();
    return [
      this.#line(call, "openat", [target, path, "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0], place),
      this.#line(call, "mount_fd", [mount, place, "MS_MOVE"]),
      this.#line(call, "close", [place]),
    ];
  }

  #configure(call: Call): void {
    const [context, command, key, value] = call.args as [Register, string, string, string | null];
    const draft = this.#drafts.get(context.register);
    if (draft !== undefined) configureDraft(draft, command, key, value);
  }

  #mount(call: Call): Call[] {
    const [context, , attributes] = call.args as [Register, string, string];
    const draft = this.#drafts.get(context.register);
    const out = call.out!;
    if (draft === undefined) return [call];
    this.#single.add(out.register);
    if (this.#scratch === undefined) return this.#hostProc(call, draft, out);
    const flags = [...draft.flags];
    // MS_RDONLY is for the filesystem, too, which others may have mounted: where only the mount is to be, it comes after.
    let isReadOnlyMount = false;
    for (const flag of mountFlags(attributes)) {
      if (flags.includes(flag)) continue;
      if (flag === "MS_RDONLY") isReadOnlyMount = true;
      else flags.push(flag);
    }
    const data = draft.data.join(",");
    if (new TextEncoder().encode(data).length > maxDataBytes) {
      this.refusals.push({
        pointer: call.from,
        message: `options of more than ${maxDataBytes} bytes take fsopen: ${this.#reason}`,
      });
    }
    const args = [this.#scratch, this.#place(), draft.source, draft.type, joined(flags), data === "" ? null : data];
    const lines = [this.#line(call, "new_mount", args, out)];
    if (isReadOnlyMount) lines.push(this.#line(call, "remount_fd", [out, "MS_RDONLY", "0"]));
    return this.#isEntered ? this.#before(lines) : lines;
  }

  /** No mounts of its own: the host's procfs, opened while it is in reach, shows each process its own parameters. */
  #hostProc(call: Call, { type }: Draft, out: Register): Call[] {
    const args = ["AT_FDCWD", `/${type}`, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0];
    return this.#before([this.#line(call, "openat", args, out, "the host's: this container has no mounts of its own")]);
  }

  /** Puts lines before those that enter the root. */
  #before(lines: readonly Call[]): Call[] {
    this.#output.splice(this.#entry, 0, ...lines);
    this.#entry += lines.length;
    return [];
  }

  /**
   * Scratch stays with the old root: one more mount to detach, unless it lies beneath the root's own path. Where that was
   * out of reach it is still there, and enterRoot finds it.
   */
  #pivot(call: Call): Call[] {
    this.#isEntered = true;
    if (this.#scratch === undefined || this.#isAside) return [call];
    return [call, this.#line({ ...call, why: "" }, "umount2", [".", "MNT_DETACH"], undefined, "scratch")];
  }
}
