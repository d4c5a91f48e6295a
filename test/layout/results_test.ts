/**
 * Every call's result is looked at, or its line says why it need not be (`ignored: …`), or it stands in the table here.
 * In a plan, what goes on after whichever error says why.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isC, isScript, type Source, sources } from "./sources.ts";
import { unlookedCalls, unlookedResults, type Unlooked } from "./unlooked.ts";

interface Exception {
  readonly path: string;
  readonly function: string;
  readonly call: string;
  readonly reason: string;
}

const row = (path: string, name: string, call: string, reason: string): Exception => ({
  path,
  function: name,
  call,
  reason,
});

const ends = "the process ends, whether or not it takes the signal; it is waited for";

const table: readonly Exception[] = [
  row("syscalls/spawn.h", "await_word", "futex", "it looks again at the word itself"),
  row("syscalls/spawn.h", "set_word", "futex", "it fails for a wrong address only"),
  row("syscalls/spawn.h", "die_with_runtime", "prctl", "it fails for a wrong signal only"),
  row("syscalls/spawn.h", "begin_spawn", "rt_sigprocmask", "it fails for wrong arguments only"),
  row("src/lifecycle/birth.ts", "endStage", "pidfd_send_signal", ends),
  row(
    "src/lifecycle/joined_birth.ts",
    "bearInUserNamespace",
    "post",
    "false: it is gone, which the next wait finds out",
  ),
  row("src/stage/spawn.ts", "clone", "call", "it sets a word, and cannot fail"),
  row("src/stage/spawn.ts", "release", "call", "it sets a word, and cannot fail"),
  row("src/stage/spawn.ts", "abandon", "pidfd_send_signal", ends),
  row("src/cgroup/freezer.ts", "thaw", "writeIfThere", "whoever asked looks whether it stays frozen"),
  row("src/lifecycle/delete.ts", "endProcess", "signalProcess", "false: it has ended"),
  row("src/state/directory.ts", "unlockRecord", "flock", "closing the descriptor, or the execve, unlocks as well"),
  row("src/state/filters.ts", "write", "mkdirat", "it is there already, or opening it fails"),
  row("src/state/folder.ts", "namesIn", "lseek", "it fails for no directory"),
  row("src/state/process.ts", "sleep", "nanosleep", "EINTR: whoever waits counts for itself"),
  row("src/state/timestamp.ts", "timestamp", "clock_gettime", "this clock is always there"),
];

const isPure = (path: string): boolean => /^src\/(plan|program|seccomp|spec)\//.test(path);

const found: readonly Unlooked[] = [
  ...unlookedCalls(sources((path) => path.startsWith("syscalls/") && isC(path))),
  // A dropped result of theirs is no failure of the kernel's.
  ...unlookedResults(sources((path) => path.startsWith("src/") && isScript(path) && !isPure(path))),
];

const isOf = (one: Unlooked, exception: Exception): boolean =>
  one.path === exception.path && one.function === exception.function && one.call === exception.call;

test("every call's result is looked at, or it is said why not", () => {
  const wrong = found
    .filter((one) => one.reason === "" && !table.some((exception) => isOf(one, exception)))
    .map(({ path, line, function: name, call }) => `${path}:${line} ${name}(): ${call}`);
  assert.deepEqual(wrong, []);
});

test("the table of results that nobody looks at has no row too many", () => {
  const stale = table
    .filter((exception) => exception.reason === "" || !found.some((one) => one.reason === "" && isOf(one, exception)))
    .map(({ path, function: name, call }) => `${path} ${name}(): ${call}`);
  assert.deepEqual(stale, []);
});

const source = (path: string, text: string): Source => ({ path, text });

test("dropped results are found in C, wherever a statement may stand", () => {
  const text = `static i64 helper(int a)
{
	return a ? SYS(NR_a) : SYS(NR_b);
}
static void all(void)
{
	SYS(NR_one);
	if (helper(1) < 0)
		helper(2);
	else
		SYS(NR_two, "; SYS(NR_text);", 1);
	for (int i = 0; i < 3; i++)
		SYS(NR_three);
	(void)helper(3); // a cast hides nothing
	switch (helper(4)) {
	case 1: SYS(NR_four); break;
	default: helper(5);
	}
	do SYS(NR_five); while (SYS(NR_six) == 1);
	SYS(NR_seven); /* ignored: it is fine */
	/* ignored: this one,
	   too */
	SYS(NR_eight);
	/* something else */
	SYS(NR_nine);
	i64 r = helper(6), s = SYS(NR_ten);
	SYS(NR_exit_group, 0);
}
`;
  const calls = unlookedCalls([source("a.h", text)]);
  const names = (reasons: boolean): string[] =>
    calls.filter((one) => (one.reason !== "") === reasons).map((one) => one.call);
  assert.deepEqual(
    names(false).toSorted(),
    ["five", "four", "helper", "helper", "helper", "nine", "one", "three", "two"].toSorted(),
  );
  assert.deepEqual(names(true).toSorted(), ["eight", "seven"]);
});

test("dropped results are found in TypeScript, wherever they may be dropped", () => {
  const one = source(
    "src/one.ts",
    `export function send(): number { return 1; }
     export function take(what: () => void): void { what(); }
     export class Bus { post(): boolean { return true; } close(): void {} }`,
  );
  const two = source(
    "src/two.ts",
    `import { send as give, take } from "./one.ts";
     function act(): void {
       give();
       const kept = give();
       if (kept > 0) bus.post();
       bus.close();
       kept > 1 && give();
       kept > 2 ? give() : bus?.post();
       take(() => give());
       const later = (): void => void give();
       void give();
       give(); // ignored: it is fine
       list.push(kept);
     }`,
  );
  const calls = unlookedResults([one, two]);
  assert.deepEqual(
    calls.filter(({ reason }) => reason === "").map(({ call, line }) => `${line} ${call}`),
    ["3 give", "5 post", "7 give", "8 give", "8 post", "9 give", "10 give", "11 give"],
  );
  assert.deepEqual(
    calls.filter(({ reason }) => reason !== "").map(({ line }) => line),
    [12],
  );
});
