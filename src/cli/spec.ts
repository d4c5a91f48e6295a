/** `bunker spec`: writes a starter config.json into a bundle. @module */
import { HostError } from "../errors.ts";
import { defaultSpec } from "../spec/default.ts";
import { AT_FDCWD, close, errnoName, errnoText, flags, sys, writeAll } from "../stage/sys.ts";
import { defineCommand } from "./command.ts";
import { bundleOption } from "./create_options.ts";

export const command = defineCommand({
  meta: { name: "spec", description: "Write a config.json to start from" },
  args: { ...bundleOption, rootless: { type: "boolean", description: "for a container without root rights" } },
  run({ args }) {
    const path = `${args.bundle ?? "."}/config.json`;
    // O_EXCL: an existing file may be somebody's work, and a symbolic link must not be followed.
    const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC"), 0o644);
    if (fd === -17) throw new HostError(`File "${path}" exists`, ["try        remove it first, or --bundle DIR"]);
    if (fd < 0) throw new HostError(`Cannot create "${path}": ${errnoName(-fd)} (${errnoText(-fd)})`);
    writeAll(fd, `${JSON.stringify(defaultSpec(args.rootless === true), null, "\t")}\n`);
    close(fd);
  },
});
