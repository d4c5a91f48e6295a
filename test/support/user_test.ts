/**
 * The ordinary user of the tests really has no privilege, and can map ids where its files say so.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import test from "node:test";
import { execute } from "./execute.ts";
import { missing } from "./machine.ts";
import { singleId } from "./mode.ts";
import { skip } from "./skip.ts";
import { asUser, type OrdinaryUser, ordinaryId, prepareUser, userEnvironment, userFiles, usualUser } from "./user.ts";

/** Runs shell lines as the user; its directory is $XDG_RUNTIME_DIR's. */
async function shell(user: OrdinaryUser, text: string): Promise<string> {
  const directory = mkdtempSync(`${tmpdir()}/bunker-test-user-`);
  try {
    prepareUser(directory, user);
    const argv = [...userFiles(directory, user, "/bin/sh"), ...asUser, "/bin/sh", "-c", text];
    const outcome = await execute(argv, { env: userEnvironment(directory) });
    assert.equal(outcome.status, 0, outcome.stderr);
    return outcome.stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("ordinary user has its runtime directory and no capability", async (t) => {
  const reason = missing("root", "ordinaryUser");
  if (reason !== undefined) return skip(t, reason);
  const text = await shell(
    { hasHelpers: false, hasRanges: false },
    "id -u; id -G; grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f 2 | sort -u; touch $XDG_RUNTIME_DIR/x && echo own",
  );
  assert.equal(text, `${ordinaryId}\n${ordinaryId}\n0000000000000000\nown\n`);
  assert.deepEqual(
    singleId.map(({ hostID }) => hostID),
    [ordinaryId],
  );
});

for (const [name, user, expected] of [
  ["with ranges", usualUser, "2\n"],
  ["without ranges", { hasHelpers: true, hasRanges: false }, "refused\n"],
  ["without helpers", { hasHelpers: false, hasRanges: true }, "refused\n"],
] as const) {
  test(`ordinary user ${name} maps ids`, async (t) => {
    const reason = missing("root", "ordinaryUser", "newuidmap");
    if (reason !== undefined) return skip(t, reason);
    // Some process to map for: a shell in a user namespace of its own, which waits.
    const text = await shell(
      user,
      "unshare -U sleep 5 & while [ $(readlink /proc/$!/ns/user) = $(readlink /proc/$$/ns/user) ]; do :; done; " +
        `newuidmap $! 0 ${ordinaryId} 1 1 300000 65535 2> /dev/null && wc -l < /proc/$!/uid_map || echo refused; kill $!`,
    );
    assert.equal(text, expected);
  });
}
