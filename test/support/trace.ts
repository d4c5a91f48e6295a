/**
 * System calls as strace saw them. In: strace's output. Out: calls in order, and a comparison with a plan.
 * @module
 */

/** One call of one process. */
export interface TracedCall {
  pid: number;
  name: string;
  /** Arguments as strace prints them. */
  args: string[];
  /** Return value; negative errors have a name. */
  result: number;
  error?: string;
}

/** A plan as `explain --json` prints it. */
export type PlanValue = number | string | null | { register: number } | PlanValue[] | { [field: string]: PlanValue };
export interface PlanCall {
  kind: "call";
  side: "runtime" | "stage";
  call: string;
  args: PlanValue[];
  out?: { register: number };
  allow?: string[];
}
export interface PlanAlternative {
  kind: "alternative";
  attempt: PlanItem[];
  then: PlanItem[];
  branches: { on: string[]; items: PlanItem[] }[];
}
export type PlanItem = PlanCall | PlanAlternative;

/** Reads the output of `strace -f -o FILE -s 4096`; calls that another process interrupted are put together. */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const pending = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(\d+) +(.*)$/.exec(line);
    if (match === null) continue;
    const pid = match[1]!;
    let body = match[2]!.replaceAll(/ \/\*[^"]*?\*\//g, ""); // strace's own remarks
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(body);
    if (resumed !== null) {
      body = (pending.get(pid) ?? "") + resumed[2]!;
      pending.delete(pid);
    } else if (body.endsWith("<unfinished ...>")) {
      pending.set(pid, body.slice(0, -"<unfinished ...>".length).trimEnd());
      continue;
    }
    const call = /^(\w+)\((.*)\) += (-?\d+|\?)(?: (E[A-Z]+))?/.exec(body);
    if (call === null) continue;
    calls.push({
      pid: Number(pid),
      name: call[1]!,
      args: splitArguments(call[2]!),
      result: Number(call[3]),
      ...(call[4] === undefined ? {} : { error: call[4] }),
    });
  }
  return calls;
}

/** Splits at the commas outside quotes, braces and brackets. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let current = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (quoted) {
      if (character === "\\") current += character + text[++i]!;
      else {
        if (character === '"') quoted = false;
        current += character;
      }
      continue;
    }
    if (character === '"') quoted = true;
    else if ("{[(".includes(character)) depth++;
    else if ("}])".includes(character)) depth--;
    if (character === "," && depth === 0) {
      parts.push(current.trim());
      current = "";
    } else current += character;
  }
  if (current.trim() !== "") parts.push(current.trim());
  return parts;
}

const asSet = (flags: string): string => flags.split("|").toSorted().join("|");

/** Whether strace's argument shows a plan's; registers are compared by the descriptors they are known to hold. */
function sameArgument(value: PlanValue, seen: string, registers: ReadonlyMap<number, number>): boolean {
  if (value === null) return seen === "NULL" || seen === "0";
  if (typeof value === "number") return seen === String(value);
  if (typeof value === "string") {
    if (seen.startsWith('"')) return JSON.parse(seen) === value;
    return asSet(seen) === asSet(value);
  }
  if (Array.isArray(value)) return true;
  if ("register" in value && typeof value.register === "number") {
    const known = registers.get(value.register);
    return /^\d+$/.test(seen) && (known === undefined || Number(seen) === known);
  }
  const fields = new Map(
    splitArguments(seen.slice(1, -1)).map((field): [string, string] => {
      const [name = "", text = ""] = field.split(/=(.*)/s);
      return [name, text];
    }),
  );
  const struct = value as { [field: string]: PlanValue };
  const asked = Object.entries(struct).every(([name, part]) => sameArgument(part, fields.get(name) ?? "", registers));
  return asked && [...fields].every(([name, text]) => name in struct || text === "0");
}

/** The plan as a graph: what may come next, alternatives as forks. */
type Node =
  | { kind: "end" }
  | { kind: "call"; call: PlanCall; errors: readonly string[] | undefined; next: Node }
  | { kind: "fork"; ways: Node[] };

/** Links the items in front of `next`; calls by other names leave no node. */
function link(items: readonly PlanItem[], next: Node, names: ReadonlySet<string>): Node {
  return items.reduceRight<Node>((after, item) => {
    if (item.kind === "call") return linkCall(item, undefined, after, names);
    const ways = [link([...item.attempt, ...item.then], after, names)];
    for (const branch of item.branches) {
      const taken = link(branch.items, after, names);
      // One call of the attempt failed with an errno of the branch: those before it were made, those after not.
      for (const [index, failing] of item.attempt.entries()) {
        const failed = linkCall(failing as PlanCall, branch.on, taken, names);
        ways.push(link(item.attempt.slice(0, index), failed, names));
      }
    }
    const distinct = [...new Set(ways)];
    return distinct.length === 1 ? distinct[0]! : { kind: "fork", ways: distinct };
  }, next);
}

function linkCall(call: PlanCall, errors: readonly string[] | undefined, next: Node, names: ReadonlySet<string>): Node {
  return names.has(call.call) ? { kind: "call", call, errors, next } : next;
}

/** Where a plan and a trace part, in words; undefined when every call of the plan was made and no other. */
export function comparePlan(
  items: readonly PlanItem[],
  calls: readonly TracedCall[],
  names: ReadonlySet<string>,
): string | undefined {
  let furthest = -1;
  let expected = "";
  const registers = new Map<number, number>();
  const failed = new Map<Node, Set<number>>();

  const missed = (at: number, text: string): false => {
    if (at > furthest) {
      furthest = at;
      expected = text;
    }
    return false;
  };

  const callFits = ({ call, errors }: Node & { kind: "call" }, seen: TracedCall | undefined): seen is TracedCall =>
    seen !== undefined &&
    seen.name === call.call &&
    call.args.every((value, index) => sameArgument(value, seen.args[index] ?? "", registers)) &&
    (errors === undefined
      ? seen.error === undefined || (call.allow ?? []).includes(seen.error)
      : seen.error !== undefined && errors.includes(seen.error));

  const walk = (node: Node, at: number): boolean => {
    if (node.kind === "end") return at === calls.length || missed(at, "the end");
    if (failed.get(node)?.has(at) === true) return false;
    const found = node.kind === "fork" ? node.ways.some((way) => walk(way, at)) : step(node, at);
    if (!found) failed.set(node, (failed.get(node) ?? new Set()).add(at));
    return found;
  };

  const step = (node: Node & { kind: "call" }, at: number): boolean => {
    const seen = calls[at];
    if (!callFits(node, seen)) {
      return missed(at, `${node.call.call}(${node.call.args.map((value) => JSON.stringify(value)).join(", ")})`);
    }
    if (node.call.out !== undefined && seen.error === undefined) registers.set(node.call.out.register, seen.result);
    return walk(node.next, at + 1);
  };

  if (walk(link(items, { kind: "end" }, names), 0)) return undefined;
  const made = calls[furthest];
  const shown =
    made === undefined ? "nothing more" : `${made.name}(${made.args.join(", ")}) = ${made.error ?? made.result}`;
  return `call ${furthest}: the plan says ${expected}, made was ${shown}`;
}
