/**
 * The golden cases: `<verb>/<case>/` with config.json (or the name of a fixture in options.json), host.json,
 * options.json (optional) and plan.txt, the plan as text; `exec/<case>/` also exec.json: what is known of the container
 * that runs, and the process. In: the directories. Out: GoldenCase[], planText().
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpecError } from "../../src/errors.ts";
import { type ExecTarget, planExec } from "../../src/plan/exec.ts";
import type { Host, PlanOptions } from "../../src/plan/host.ts";
import { planCreate } from "../../src/plan/mod.ts";
import type { Plan } from "../../src/plan/types.ts";
import { printPlan } from "../../src/program/print.ts";
import { parseProcess, parseSpec } from "../../src/spec/mod.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

export interface GoldenCase {
  /** "create/default". */
  readonly name: string;
  readonly planFile: string;
  readonly config: string;
  readonly host: Host;
  readonly options: PlanOptions;
  readonly exec: ExecInput | undefined;
}

/** exec.json. */
interface ExecInput {
  readonly target: ExecTarget;
  /** As in a process file. */
  readonly process: object;
}

function readJson(path: string): object {
  return JSON.parse(readFileSync(path, "utf8")) as object;
}

/** Every case, sorted by name. */
export function goldenCases(): GoldenCase[] {
  return (["create", "exec", "run"] as const).flatMap((kind) =>
    readdirSync(join(here, kind)).sort().map((name): GoldenCase => {
      const directory = join(here, kind, name);
      const verb = kind === "create" ? "create" : "run";
      const optionsFile = join(directory, "options.json");
      const { fixture, ...given } = (existsSync(optionsFile) ? readJson(optionsFile) : {}) as Partial<PlanOptions> & {
        /** Directory below test/fixtures whose config.json it is. */
        fixture?: string;
      };
      return {
        name: `${kind}/${name}`,
        planFile: join(directory, "plan.txt"),
        config: readFileSync(join(fixture === undefined ? directory : join(fixtures, fixture), "config.json"), "utf8"),
        host: readJson(join(directory, "host.json")) as Host,
        options: {
          verb,
          id: "web",
          bundle: "/bundle",
          noPivot: false,
          noNewKeyring: false,
          preserveFds: 0,
          listenFds: 0,
          cgroupManager: "cgroupfs",
          console: "none",
          ...given,
        },
        exec: kind === "exec" ? (readJson(join(directory, "exec.json")) as ExecInput) : undefined,
      };
    }),
  );
}

/** The plan of a case; a SpecError where the configuration is wrong. */
export function planOf({ config, host, options, exec }: GoldenCase): Plan {
  if (exec !== undefined) {
    const process = parseProcess(JSON.stringify(exec.process));
    return planExec(parseSpec(config), process, host, { ...options, document: "process file" }, exec.target);
  }
  return planCreate(parseSpec(config), host, options);
}

/** The plan of a case; undefined where the configuration is wrong. */
export function planIfRight(golden: GoldenCase): Plan | undefined {
  try {
    return planOf(golden);
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

/** What plan.txt holds: the plan, or the error's message. */
export function planText(golden: GoldenCase): string {
  try {
    return printPlan(planOf(golden));
  } catch (error) {
    if (error instanceof SpecError) return `# error ${error.message}\n`;
    throw error;
  }
}
