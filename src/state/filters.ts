/**
 * Compiled seccomp filters, kept: most containers of a machine have one and the same profile.
 * In: the state root; profiles. Out: Filter; a file <root>/.seccomp/HASH for each profile.
 *
 * What is read back decides what a container may do. It counts only in a directory of our own that nobody else may
 * enter, reached through no link, and if it says that it was made of this very profile, for this architecture, by this
 * compiler, and is whole. Whatever is not as it should be is as if it were not there.
 * @module
 */
import { compileSeccomp, type Filter, type Machine } from "../seccomp/mod.ts";
import type { Seccomp } from "../spec/types.ts";
import { hashOf } from "../stage/hash.ts";
import { AT_FDCWD, close, flags, openAt, readAll, sys, syscallError, textOf, writeAll } from "../stage/sys.ts";
import { emptyDirectory, factsOf, namesIn } from "./folder.ts";

declare const BUNKER_COMPILER: string | undefined;

/** Which compiler this is; undefined from source, where it may change from run to run. */
const ownCompiler = typeof BUNKER_COMPILER === "undefined" ? undefined : BUNKER_COMPILER;

const directoryName = ".seccomp";

/** A machine has a handful of profiles; whoever makes up one for each container must not fill its memory. */
const maxFiles = 64;

/** A file: hash of the rest, Head as JSON, the profile as JSON, each a line; then the words as the machine has them. */
interface Head extends Omit<Filter, "words"> {
  readonly compiler: string;
  readonly machine: Machine;
}

const newline = 10;

export class FilterStore {
  readonly #root: string;
  readonly #compiler: string | undefined;
  /** Compiled by this process: name and content of the file it is to become. */
  #fresh: { readonly name: string; readonly content: Uint8Array } | undefined;

  constructor(root: string, compiler: string | undefined = ownCompiler) {
    this.#root = root;
    this.#compiler = compiler;
  }

  /** The filter of a profile, compiled where it is not kept. Errors: SpecError as compileSeccomp. Changes no file. */
  readonly compile = (seccomp: Seccomp, machine: Machine): Filter => {
    const compiler = this.#compiler;
    const profile = compiler === undefined ? undefined : textOfProfile(seccomp);
    if (compiler === undefined || profile === undefined) return compileSeccomp(seccomp, machine);
    const name = hashOf(`${compiler} ${machine} ${profile}`);
    const kept = this.#read(name, compiler, machine, profile);
    if (kept !== undefined) return kept;
    const filter = compileSeccomp(seccomp, machine);
    this.#fresh = { name, content: print(filter, compiler, machine, profile) };
    return filter;
  };

  /** Keeps what `compile` had to compile. Never fails: it would only have saved time. */
  keep(): void {
    if (this.#fresh === undefined) return;
    try {
      this.#write(this.#fresh.name, this.#fresh.content);
    } catch {
      // A full disk, a directory of others: the next one compiles again.
    }
    this.#fresh = undefined;
  }

  #read(name: string, compiler: string, machine: Machine, profile: string): Filter | undefined {
    const directory = this.#open();
    if (directory === undefined) return undefined;
    const fd = sys("openat", directory, name, flags("O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC"), 0);
    close(directory);
    if (fd < 0) return undefined;
    try {
      return parse(readAll(fd), compiler, machine, profile);
    } catch {
      return undefined; // no text, no JSON
    } finally {
      close(fd);
    }
  }

  #write(name: string, content: Uint8Array): void {
    sys("mkdirat", AT_FDCWD, `${this.#root}/${directoryName}`, 0o700);
    const directory = this.#open();
    if (directory === undefined) return;
    try {
      if (namesIn(directory).length >= maxFiles) emptyDirectory(directory, []);
      // Readers see no file or the whole.
      const draft = `${name}.${sys("getpid")}`;
      const fd = openAt(directory, draft, "O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC", 0o600);
      try {
        writeAll(fd, content);
      } finally {
        close(fd);
      }
      const result = sys("renameat", directory, draft, directory, name);
      if (result < 0) throw syscallError(`rename "${name}"`, -result);
    } finally {
      close(directory);
    }
  }

  /** The directory; undefined if it is not there, or not ours alone. */
  #open(): number | undefined {
    const path = `${this.#root}/${directoryName}`;
    const fd = sys("openat", AT_FDCWD, path, flags("O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC"), 0);
    if (fd < 0) return undefined;
    const { uid, mode } = factsOf(fd);
    if (uid === sys("geteuid") && (mode & 0o077) === 0) return fd;
    close(fd);
    return undefined;
  }
}

/** Undefined: it has numbers above 2^53, bigint here, which JSON.stringify refuses. Such profiles are rare. */
function textOfProfile(seccomp: Seccomp): string | undefined {
  try {
    return JSON.stringify(seccomp);
  } catch {
    return undefined;
  }
}

function print(filter: Filter, compiler: string, machine: Machine, profile: string): Uint8Array {
  const { words, ...about } = filter;
  const head = JSON.stringify({ compiler, machine, ...about } satisfies Head);
  const text = new TextEncoder().encode(`${head}\n${profile}\n`);
  const body = new Uint8Array(text.length + words.length * 4);
  body.set(text);
  const stored = new Uint32Array(words.length);
  stored.set(words);
  body.set(new Uint8Array(stored.buffer), text.length);
  const first = new TextEncoder().encode(`${hashOf(body)}\n`);
  const content = new Uint8Array(first.length + body.length);
  content.set(first);
  content.set(body, first.length);
  return content;
}

/** The filter in a file; undefined where it is not whole, or of something else. Throws where it is no file of ours. */
function parse(content: Uint8Array, compiler: string, machine: Machine, profile: string): Filter | undefined {
  const head = content.indexOf(newline) + 1;
  const body = content.subarray(head);
  if (hashOf(body) !== textOf(content.subarray(0, head - 1))) return undefined;
  const end = body.indexOf(newline);
  const about = JSON.parse(textOf(body.subarray(0, end))) as Head;
  if (about.compiler !== compiler || about.machine !== machine) return undefined;
  const from = body.indexOf(newline, end + 1);
  if (textOf(body.subarray(end + 1, from)) !== profile) return undefined;
  // A copy begins where words may. By a loop: Array.from takes the engine 600 us, the first time.
  const stored = new Uint32Array(body.slice(from + 1).buffer);
  const words: number[] = [];
  for (let i = 0; i < stored.length; i++) words[i] = stored[i]!;
  return { ...about, words };
}
