/**
 * Results of one run out of the JUnit XML that Bun and Deno write.
 * Input: XML text. Output: a list of results, one a test.
 * @module
 */

export interface Result {
  readonly name: string;
  /** Path as the reporter gives it, with the line of the test. */
  readonly file: string;
  readonly line: number;
  readonly status: "passed" | "failed" | "skipped";
  readonly message: string;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decode(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return entities[name] ?? whole;
    return String.fromCodePoint(name[1] === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}

function attribute(tag: string, name: string): string {
  return decode(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

/** Parses a report; both runtimes write their tests as `testcase` elements. */
export function parseJunit(xml: string): Result[] {
  const results: Result[] = [];
  for (const [, tag, body = ""] of xml.matchAll(/<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const group = attribute(tag!, "classname");
    const file = attribute(tag!, "file");
    const failure = /<(?:failure|error)\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/(?:failure|error)>)/s.exec(body);
    const name = attribute(tag!, "name");
    results.push({
      // Bun: classname is the group. Deno: classname is the file, the group is part of the name.
      name: file !== "" && group !== "" ? `${group} > ${name}` : name,
      file: (file === "" ? group : file).replace(/^\.\//, ""),
      line: Number(attribute(tag!, "line")),
      status: failure === null ? (/<skipped\b/.test(body) ? "skipped" : "passed") : "failed",
      message: failure === null ? "" : decode(failure[2] ?? "") || attribute(failure[1]!, "message"),
    });
  }
  return results;
}
