/**
 * Questions to a mount table, for errors. In: the text of /proc/PID/mountinfo. Out: paths, option words.
 * Kernel: proc_pid_mountinfo(5); blanks in paths are written as octal escapes
 * @module
 */

/** One line of the table. */
export interface MountLine {
  readonly id: string;
  readonly parent: string;
  readonly point: string;
  /** Of the mount, not of the filesystem: "rw", "nosuid", "relatime", "idmapped", … */
  readonly options: readonly string[];
  /** "shared:1", "unbindable", … */
  readonly propagation: readonly string[];
  readonly type: string;
}

/** The table's lines. */
export function parseMountTable(table: string): MountLine[] {
  const lines: MountLine[] = [];
  for (const line of table.split("\n")) {
    const words = line.split(" ");
    const dash = words.indexOf("-");
    if (dash < 6) continue;
    lines.push({
      id: words[0]!,
      parent: words[1]!,
      point: words[4]!.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
      options: words[5]!.split(","),
      propagation: words.slice(6, dash),
      type: words[dash + 1]!,
    });
  }
  return lines;
}

/** Where something is mounted below a place, each once, sorted; undefined: nothing is mounted at the place itself. */
export function mountsBelow(table: string, place: string): string[] | undefined {
  const below = new Set<string>();
  let isMounted = false;
  for (const { point } of parseMountTable(table)) {
    if (point === place) isMounted = true;
    else if (point.startsWith(`${place}/`)) below.add(point);
  }
  return isMounted ? [...below].sort() : undefined;
}

/** The flags of the mount that a path is on; undefined: of none. */
export function flagsAt(table: string, path: string): readonly string[] | undefined {
  let best: MountLine | undefined;
  for (const line of parseMountTable(table)) {
    const { point } = line;
    const holds = path === point || point === "/" || path.startsWith(`${point}/`);
    if (!holds || point.length < (best?.point.length ?? 0)) continue;
    // Of two at one place the child lies over its parent; the order in the table is that of ids, not of the stack.
    if (best?.point === point && best.parent === line.id) continue;
    best = line;
  }
  return best?.options;
}
