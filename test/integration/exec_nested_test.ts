/**
 * `exec` into a container whose first process, an ordinary user's, makes a user and a mount namespace just then: what it
 * mounts over /bin there never runs with the rights of the namespace that the container is in.
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { attackLimits, attackRounds } from "../support/attack.ts";
import { stateOf } from "../support/containers.ts";
import { native } from "../support/native.ts";
import { type Scope, scoped } from "../support/scope.ts";

const counter = "f=/sys/fs/cgroup/pids/pids.current; [ -e $f ] || f=/sys/fs/cgroup/pids.current; exec /bin/nest $f";

function hostileBundle(scope: Scope): string {
  const { path, rootfs } = scope.bundle(["/bin/sh", "-c", counter], (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.noNewPrivileges = true;
    const options = ["nosuid", "noexec", "nodev", "ro"];
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
    config.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options });
  });
  copyFileSync(native("nest"), `${rootfs}/bin/nest`);
  mkdirSync(`${rootfs}/decoy`);
  copyFileSync(`${rootfs}/bin/busybox`, `${rootfs}/decoy/sh`);
  writeFileSync(`${rootfs}/decoy/id`, "#!/decoy/sh\necho decoy\n", { mode: 0o755 });
  return path;
}

test(
  "exec [the first process makes a user namespace as it is entered]",
  attackLimits,
  scoped("nested", ["compiler", "ownCgroups"], async (scope) => {
    const bundle = hostileBundle(scope);
    let entered = 0;
    for (let round = 0; round < attackRounds(); round++) {
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle, id]);
      const { stdout, stderr, status } = await scope.invoke(["exec", "--user", "0", id, "/bin/id"]);
      assert.doesNotMatch(stdout, /decoy/, `round ${round}`);
      if (status === 0) entered++;
      else assert.match(stderr, /verify_same|not mapped|user namespace/, stderr);
      assert.notEqual((await stateOf(scope, id)).status, "stopped", "the attacker does its part");
      await scope.succeed(["delete", "--force", id]);
    }
    assert.ok(entered > 0, "some are entered before");
  }),
);
