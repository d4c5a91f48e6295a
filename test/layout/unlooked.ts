/**
 * Calls whose result nobody looks at: in C system calls and functions that return a number, in TypeScript system calls and
 * our own functions that return something. In: a source. Out: where, in which function, which call, and the reason that
 * stands there: a comment `ignored: …` on the statement's own lines or right above it.
 * @module
 */
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";
import type { Source } from "./sources.ts";

export interface Unlooked {
  readonly path: string;
  readonly line: number;
  readonly function: string;
  readonly call: string;
  /** "": none is given. */
  readonly reason: string;
}

const marker = /\bignored: *(\S[\s\S]*?)(?:\*\/|$)/;

interface Comment {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The reason in a comment on the lines of a statement, or in one that ends right above it. */
function reasonAt(comments: readonly Comment[], from: number, to: number): string {
  for (const comment of comments) {
    const isNear = (comment.from >= from && comment.from <= to) || comment.to === from - 1;
    const found = isNear ? marker.exec(comment.text) : null;
    if (found !== null) return found[1]!.trim();
  }
  return "";
}

// ---- C

interface Token {
  readonly text: string;
  readonly line: number;
  readonly isFirst: boolean;
}

const tokenPattern =
  /\/\*[\s\S]*?\*\/|\/\/.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|^[ \t]*#(?:\\\n|.)*|[A-Za-z_]\w*|\d\w*|\S/gm;

function scanC(text: string): { tokens: Token[]; comments: Comment[] } {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  let line = 1;
  let at = 0;
  for (const match of text.matchAll(tokenPattern)) {
    for (; at < match.index; at++) if (text[at] === "\n") line++;
    const [found] = match;
    const lines = found.split("\n").length - 1;
    if (found.startsWith("/*") || found.startsWith("//")) comments.push({ from: line, to: line + lines, text: found });
    else if (!found.trimStart().startsWith("#"))
      tokens.push({ text: found, line, isFirst: match.index === 0 || text[match.index - 1] === "\n" });
  }
  return { tokens, comments };
}

/** Index behind the bracket that closes the one at `open`. */
function behind(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if ("([{".includes(tokens[i]!.text)) depth++;
    if (")]}".includes(tokens[i]!.text) && --depth === 0) return i + 1;
  }
  return tokens.length;
}

const isName = (token: Token | undefined): boolean => token !== undefined && /^[A-Za-z_]\w*$/.test(token.text);

/** Functions defined at the top: name, whether they return i64 or int, the tokens of the body. */
function functionsOf(tokens: readonly Token[]): { name: string; isNumber: boolean; from: number; to: number }[] {
  const found: { name: string; isNumber: boolean; from: number; to: number }[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (!tokens[i]!.isFirst || !isName(tokens[i])) continue;
    let at = i;
    while (at < tokens.length && !";{=".includes(tokens[at]!.text)) {
      const after = tokens[at]!.text === "(" ? behind(tokens, at) : at + 1;
      const isBody = tokens[at]!.text === "(" && tokens[after]?.text === "{" && isName(tokens[at - 1]);
      if (isBody) {
        const words = tokens.slice(i, at - 1).map(({ text }) => text);
        const isNumber = (words.includes("i64") || words.includes("int")) && !words.includes("*");
        found.push({ name: tokens[at - 1]!.text, isNumber, from: after, to: behind(tokens, after) });
      }
      at = after;
    }
  }
  return found;
}

/** They do not come back. */
const ends = ["exit", "exit_group"];

const heads = new Set(["if", "for", "while", "switch"]);

function unlookedInC({ path, text }: Source, watched: ReadonlySet<string>): Unlooked[] {
  const { tokens, comments } = scanC(text);
  const found: Unlooked[] = [];
  for (const { name, from, to } of functionsOf(tokens)) {
    const starts = new Set<number>();
    for (let i = from; i < to; i++) {
      const word = tokens[i]!.text;
      if ([";", "{", "}", "else", "do"].includes(word)) starts.add(i + 1);
      // Of a label, not of a condition.
      if (word === "case" || word === "default")
        starts.add(tokens.findIndex((token, j) => j > i && token.text === ":") + 1);
      if (heads.has(word) && tokens[i + 1]?.text === "(") starts.add(behind(tokens, i + 1));
    }
    for (const start of starts) {
      const isCast = ["(", "void", ")"].every((word, i) => tokens[start + i]?.text === word);
      const at = isCast ? start + 3 : start;
      if (!isName(tokens[at]) || !watched.has(tokens[at]!.text) || tokens[at + 1]?.text !== "(") continue;
      const end = behind(tokens, at + 1);
      if (tokens[end]?.text !== ";") continue;
      const call = tokens[at]!.text === "SYS" ? tokens[at + 2]!.text.replace(/^NR_/, "") : tokens[at]!.text;
      if (ends.includes(call)) continue;
      const line = tokens[start]!.line;
      found.push({ path, line, function: name, call, reason: reasonAt(comments, line, tokens[end]!.line) });
    }
  }
  return found;
}

/** In all of the C at once: a function's result may be dropped in another file. */
export function unlookedCalls(sources: readonly Source[]): Unlooked[] {
  const watched = new Set(["SYS", "sys_call", "clone3_call", "clone2_call"]);
  for (const { text } of sources)
    for (const { name, isNumber } of functionsOf(scanC(text).tokens)) if (isNumber) watched.add(name);
  return sources.flatMap((source) => unlookedInC(source, watched));
}

// ---- TypeScript

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

function walk(node: Node, visit: (node: Node, parents: readonly Node[]) => void, parents: readonly Node[] = []): void {
  visit(node, parents);
  const inner = [...parents, node];
  for (const key in node) {
    const value = node[key];
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (isNode(child)) walk(child, visit, inner);
  }
}

const isFunction = ({ type }: Node): boolean =>
  ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(type);

/** Whether a function says that it returns something. */
function returnsSomething(node: Node): boolean {
  const type = (node["returnType"] as Node | null | undefined)?.["typeAnnotation"] as Node | undefined;
  return type !== undefined && !["TSVoidKeyword", "TSNeverKeyword"].includes(type.type);
}

const returnsNothing = (node: Node): boolean => {
  const type = (node["returnType"] as Node | null | undefined)?.["typeAnnotation"] as Node | undefined;
  return type?.type === "TSVoidKeyword";
};

/** What a function, a method or a variable that holds a function is called. */
function nameOf(node: Node, parent: Node | undefined): string | undefined {
  const id = node["id"] as Node | null | undefined;
  if (id?.type === "Identifier") return id["name"] as string;
  if (parent?.type === "VariableDeclarator") return (parent["id"] as Node)["name"] as string;
  const key = parent?.["key"] as Node | undefined;
  return key === undefined ? undefined : (key["name"] as string);
}

const isOf = (parent: Node | undefined, types: readonly string[]): boolean =>
  parent !== undefined && types.includes(parent.type);

interface Watched {
  /** "src/stage/sys.ts#close" */
  readonly functions: ReadonlySet<string>;
  readonly methods: ReadonlySet<string>;
  /** Functions with a parameter that is a function without a result: what an arrow handed over there gives is dropped. */
  readonly takers: ReadonlySet<string>;
}

const parsed = ({ path, text }: Source): Node => parseSync(path, text).program as unknown as Node;

function watchedOf(sources: readonly Source[]): Watched {
  // `call` of Kernel, whose implementations have no declaration of their own.
  const watched = { functions: new Set<string>(), methods: new Set(["call"]), takers: new Set<string>() };
  const silent = new Set<string>();
  for (const source of sources) {
    walk(parsed(source), (node, parents) => {
      if (!isFunction(node)) return;
      const parent = parents.at(-1);
      const name = nameOf(node, parent);
      if (name === undefined) return;
      const isMethod = isOf(parent, ["MethodDefinition", "PropertyDefinition", "Property"]);
      if (returnsSomething(node))
        (isMethod ? watched.methods : watched.functions).add(isMethod ? name : `${source.path}#${name}`);
      else if (isMethod && returnsNothing(node)) silent.add(name);
      for (const parameter of node["params"] as readonly Node[]) {
        const type = (parameter["typeAnnotation"] as Node | null | undefined)?.["typeAnnotation"] as Node | undefined;
        const result = (type?.["returnType"] as Node | null | undefined)?.["typeAnnotation"] as Node | undefined;
        if (type?.type === "TSFunctionType" && result?.type === "TSVoidKeyword") watched.takers.add(name);
      }
    });
  }
  for (const name of silent) watched.methods.delete(name);
  return watched;
}

/** The calls whose value an expression has. */
function valuesOf(node: Node | null | undefined): Node[] {
  if (!node) return [];
  switch (node.type) {
    case "CallExpression":
      return [node];
    case "LogicalExpression":
      return valuesOf(node["right"] as Node);
    case "ConditionalExpression":
      return [...valuesOf(node["consequent"] as Node), ...valuesOf(node["alternate"] as Node)];
    case "SequenceExpression":
      return (node["expressions"] as Node[]).flatMap(valuesOf);
    case "ChainExpression":
    case "ParenthesizedExpression":
    case "TSNonNullExpression":
    case "TSAsExpression":
      return valuesOf(node["expression"] as Node);
    case "UnaryExpression":
      return node["operator"] === "void" ? valuesOf(node["argument"] as Node) : [];
    case "AwaitExpression":
      return valuesOf(node["argument"] as Node);
    default:
      return [];
  }
}

function calleeOf(node: Node): { name: string; isMethod: boolean } | undefined {
  const callee = node["callee"] as Node;
  if (callee.type === "Identifier") return { name: callee["name"] as string, isMethod: false };
  const property = callee["property"] as Node | undefined;
  return property === undefined ? undefined : { name: property["name"] as string, isMethod: true };
}

/** Where the functions come from that a file names: "close" → "src/stage/sys.ts#close". */
function originsOf({ path }: Source, program: Node): Map<string, string> {
  const origins = new Map<string, string>();
  walk(program, (node, parents) => {
    const name = isFunction(node) ? nameOf(node, parents.at(-1)) : undefined;
    if (name !== undefined) origins.set(name, `${path}#${name}`);
    if (node.type !== "ImportSpecifier") return;
    const from = (parents.at(-1)!["source"] as Node)["value"] as string;
    const [local, imported] = [node["local"] as Node, node["imported"] as Node].map((id) => id["name"] as string);
    origins.set(local!, `${join(dirname(path), from)}#${imported}`);
  });
  return origins;
}

function unlookedInScript(source: Source, watched: Watched): Unlooked[] {
  const { path, text } = source;
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
  const { program, comments: raw } = parseSync(path, text);
  const comments = raw.map(({ value, start, end }) => ({ text: value, from: lineAt(start), to: lineAt(end) }));
  const origins = originsOf(source, program as unknown as Node);
  const found: Unlooked[] = [];
  const add = (statement: Node, expression: Node, parents: readonly Node[]): void => {
    for (const call of valuesOf(expression)) {
      const callee = calleeOf(call);
      if (callee === undefined) continue;
      const [first] = call["arguments"] as readonly Node[];
      // Others of that name throw, or are of a plan.
      if (
        callee.name === "call" &&
        (first === undefined || !/^(ops|tables)\b/.test(text.slice(first.start, first.end)))
      )
        continue;
      const isWatched = callee.isMethod
        ? watched.methods.has(callee.name)
        : watched.functions.has(origins.get(callee.name) ?? "");
      if (!isWatched) continue;
      // This one throws.
      if (callee.name === "sysOrThrow") continue;
      const isRaw = callee.name === "sys";
      const name = isRaw && first?.type === "Literal" ? String(first["value"]) : callee.name;
      if (ends.includes(name)) continue;
      const index = parents.findLastIndex((node, i) => isFunction(node) && nameOf(node, parents[i - 1]) !== undefined);
      const within = index < 0 ? "" : nameOf(parents[index]!, parents[index - 1])!;
      const [from, to] = [lineAt(statement.start), lineAt(statement.end)];
      found.push({ path, line: from, function: within, call: name, reason: reasonAt(comments, from, to) });
    }
  };
  walk(program as unknown as Node, (node, parents) => {
    if (node.type === "ExpressionStatement") add(node, node["expression"] as Node, parents);
    // `() => void f()`, and an arrow handed to somebody who drops what it gives.
    if (node.type !== "ArrowFunctionExpression" || (node["body"] as Node).type === "BlockStatement") return;
    const body = node["body"] as Node;
    const parent = parents.at(-1);
    const taker = parent?.type === "CallExpression" ? calleeOf(parent)?.name : undefined;
    if (body.type === "UnaryExpression" || (taker !== undefined && watched.takers.has(taker)))
      add(body, body, [...parents, node]);
  });
  return found;
}

/** In all of the sources at once: their functions are those that are watched. */
export function unlookedResults(sources: readonly Source[]): Unlooked[] {
  const watched = watchedOf(sources);
  return sources.flatMap((source) => unlookedInScript(source, watched));
}
