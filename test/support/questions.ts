/**
 * What every command that needs no lock says of a container at one moment. In: outcomes. Out: which states of the
 * container each answer fits, and whether all of them fit one.
 * @module
 */
import type { Outcome } from "./execute.ts";
import { describe } from "./scope.ts";
import type { State } from "./containers.ts";

/** A state of runtime.md#state, or that there is no such container. */
export type Phase = "absent" | "creating" | "created" | "running" | "stopped";

export interface Question {
  readonly words: (id: string) => string[];
  /** The phases that the answer fits; none: it is wrong at any time. */
  readonly fits: (outcome: Outcome, id: string) => readonly Phase[];
}

const hasProcess: readonly Phase[] = ["created", "running"];
const hasNone: readonly Phase[] = ["creating", "stopped"];

/** Words that callers know. */
function refused({ status, stderr }: Outcome, failure: number): readonly Phase[] {
  if (status !== failure) return [];
  if (/^bunker: Container "[^"]+": container does not exist/.test(stderr)) return ["absent"];
  return /^bunker: Container "[^"]+": container not running/.test(stderr) ? hasNone : [];
}

const works =
  (failure = 1): Question["fits"] =>
  (outcome) =>
    outcome.status === 0 ? hasProcess : refused(outcome, failure);

export const questions: readonly Question[] = [
  {
    words: (id) => ["state", id],
    fits: (outcome, id) => {
      if (outcome.status !== 0) return refused(outcome, 1);
      return phasesOf(JSON.parse(outcome.stdout) as State, id);
    },
  },
  {
    words: () => ["list", "--format", "json"],
    fits: ({ status, stdout, stderr }, id) => {
      if (status !== 0 || stderr !== "") return [];
      const mine = (JSON.parse(stdout) as State[]).find((state) => state.id === id);
      return mine === undefined ? ["absent"] : phasesOf(mine, id);
    },
  },
  { words: (id) => ["kill", id, "0"], fits: works() },
  { words: (id) => ["exec", id, "/bin/true"], fits: works(255) },
  {
    words: (id) => ["ps", "--format", "json", id],
    fits: (outcome) =>
      outcome.status === 0 && (JSON.parse(outcome.stdout) as number[]).length === 0
        ? ["stopped"]
        : works()(outcome, ""),
  },
  { words: (id) => ["events", "--stats", id], fits: works() },
];

function phasesOf({ id, status, pid }: State, wanted: string): readonly Phase[] {
  if (id !== wanted) return [];
  // MUST runtime.md#state: the pid of a process that is there
  if ((status === "created" || status === "running") && pid > 0) return [status];
  return status === "creating" || (status === "stopped" && pid === 0) ? [status] : [];
}

/** The phases that all answers fit; an error with every one of them where there is none. */
export function commonPhase(outcomes: readonly Outcome[], id: string, asked = questions): Phase {
  let phases: readonly Phase[] = ["absent", "creating", "created", "running", "stopped"];
  for (const [index, outcome] of outcomes.entries()) {
    const fits = asked[index]!.fits(outcome, id);
    phases = phases.filter((phase) => fits.includes(phase));
  }
  if (phases.length > 0) return phases[0]!;
  throw new Error(
    `no one state: ${outcomes.map((outcome, index) => describe(asked[index]!.words(id), outcome)).join("\n")}`,
  );
}
