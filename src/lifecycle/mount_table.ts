/**
 * Questions to a mount table, for errors. In: the text of /proc/PID/mountinfo. Out: paths, option words.
 * Kernel: proc_pid_mountinfo(5); blanks in paths are written as octal escapes
 * @module
 */

interface Entry {
  readonly id: string;
  readonly parent: string;
  readonly point: string;
  /** Of the mount, not of the filesystem: "ro", "nosuid", "relatime", … */
  readonly flags: readonly string[];
}

function entries(table: string): Entry[] {
  const found: Entry[] = [];
  for (const line of table.split("\n")) {
    const fields = line.split(" ");
    const point = fields[4];
    const flags = fields[5];
    if (point === undefined || flags === undefined) continue;
    found.push({
      id: fields[0]!,
      parent: fields[1]!,
      point: point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
      flags: flags.split(","),
    });
  }
  return found;
}

/** Where something is mounted below a place, each once, sorted; undefined: nothing is mounted at the place itself. */
export function mountsBelow(table: string, place: string): string[] | undefined {
  const below = new Set<string>();
  let isMounted = false;
  for (const { point } of entries(table)) {
    if (point === place) isMounted = true;
    else if (point.startsWith(`${place}/`)) below.add(point);
  }
  return isMounted ? [...below].sort() : undefined;
}

/** The flags of the mount that a path is on; undefined: of none. */
export function flagsAt(table: string, path: string): readonly string[] | undefined {
  let best: Entry | undefined;
  for (const entry of entries(table)) {
    const { point } = entry;
    const holds = path === point || point === "/" || path.startsWith(`${point}/`);
    if (!holds || point.length < (best?.point.length ?? 0)) continue;
    // Of two at one place the child lies over its parent; the order in the table is that of ids, not of the stack.
    if (best?.point === point && best.parent === entry.id) continue;
    best = entry;
  }
  return best?.flags;
}
