/**
 * What is read-only in the end although something was made in it first: no descriptor of the runtime's may still be open
 * for writing then (mount_setattr(2): EBUSY). In: every way to ask for it, with what is made. Out: what the container sees.
 * @module
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { mappedIds, mode, rootlessIds } from "../support/mode.ts";
import { native } from "../support/native.ts";
import { scoped } from "../support/scope.ts";
import { everything, nothing } from "../support/without.ts";

const withoutDev = (config: Config): void => {
  config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
};

/** Each with the places that must be read-only. */
const ways: readonly (readonly [name: string, change: (config: Config) => void, places: readonly string[]])[] = [
  ["/dev ro", (config) => void config.mounts[1]!.options!.push("ro"), ["/dev"]],
  ["/dev among readonlyPaths", (config) => void config.linux.readonlyPaths!.push("/dev"), ["/dev"]],
  [
    "root.readonly",
    (config) => {
      config.root.readonly = true;
    },
    ["/"],
  ],
  [
    "root.readonly, no /dev of its own",
    (config) => {
      config.root.readonly = true;
      withoutDev(config);
    },
    ["/", "/dev"],
  ],
  [
    "a tmpfs ro with a file bound into it",
    (config) => {
      config.mounts.push(
        { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["ro"] },
        { destination: "/mnt/file", source: "given", options: ["bind"] },
      );
    },
    ["/mnt"],
  ],
];

for (const [name, change, places] of ways) {
  for (const hasUserNamespace of mode === "root" ? [false, true] : [true]) {
    for (const hasTerminal of [false, true]) {
      for (const without of [nothing, everything]) {
        const words = [
          name,
          hasTerminal ? "a terminal" : "",
          hasUserNamespace ? "a user namespace" : "",
          without === nothing ? "" : "older calls",
        ];
        test(
          `run [read-only in the end: ${words.filter((word) => word !== "").join(", ")}]`,
          limits,
          scoped("readonlyend", hasTerminal ? ["compiler"] : [], async (scope) => {
            const ids = !hasUserNamespace ? "none" : mode === "rootless" ? rootlessIds : mappedIds;
            const writes = places.map((place) => `touch ${place}/new 2>&1`).join("; ");
            const lines = `${writes}; echo x > /dev/null && echo written; [ -c /dev/tty ] && echo device`;
            const bundle = scope.bundle(lines, () => {}, { ids });
            writeFileSync(`${bundle.path}/given`, "");
            change(bundle.config);
            bundle.config.process.terminal = hasTerminal;
            bundle.save();
            const before = hasTerminal ? [native("pty"), "run", "24", "80", "--"] : [];
            const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before, without });
            const said = stdout.replaceAll("\r", "").trim().split("\n");
            const refused = places.map((place) => `touch: ${place}/new: Read-only file system`);
            assert.deepEqual(said, [...refused, "written", "device"]);
          }),
        );
      }
    }
  }
}
