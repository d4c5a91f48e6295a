/** `bunker version`: the same text as --version. @module */
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";
import { versionText } from "./version_facts.ts";

export const command = () =>
  defineCommand({
    meta: { name: "version", description: "Print the version, the commit and the runtime-spec followed" },
    args: {},
    run() {
      print(versionText());
    },
  });
