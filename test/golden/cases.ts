/**
 * The golden cases: `<verb>/<case>/` with config.json (or the name of a fixture in options.json), host.json,
 * options.json (optional) and plan.txt, the plan as text. In: the directories. Out: GoldenCase[], planText().
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpecError } from "../../src/errors.ts";
import type { Host, PlanOptions } from "../../src/plan/host.ts";
import { planCreate } from "../../src/plan/mod.ts";
import type { Plan } from "../../src/plan/types.ts";
import { printPlan } from "../../src/program/print.ts";
import { parseSpec } from "../../src/spec/mod.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

export interface GoldenCase {
  /** "create/default". */
  readonly name: string;
  readonly planFile: string;
  readonly config: string;
  readonly host: Host;
  readonly options: PlanOptions;
}

function readJson(path: string): object {
  return JSON.parse(readFileSync(path, "utf8")) as object;
}

/** Every case, sorted by name. */
export function goldenCases(): GoldenCase[] {
  return (["create", "run"] as const).flatMap((verb) =>
    readdirSync(join(here, verb)).sort().map((name): GoldenCase => {
      const directory = join(here, verb, name);
      const optionsFile = join(directory, "options.json");
      const { fixture, ...given } = (existsSync(optionsFile) ? readJson(optionsFile) : {}) as Partial<PlanOptions> & {
        /** Directory below test/fixtures whose config.json it is. */
        fixture?: string;
      };
      return {
        name: `${verb}/${name}`,
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
      };
    }),
  );
}

/** The plan of a case; a SpecError where the configuration is wrong. */
export function planOf({ config, host, options }: GoldenCase): Plan {
  return planCreate(parseSpec(config), host, options);
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
