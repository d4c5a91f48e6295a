/** `bunker features`: the features structure of the runtime-spec, as JSON. @module */
import { features } from "../lifecycle/features.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";
import { commit, version } from "./version_facts.ts";

export const command = () =>
  defineCommand({
    meta: { name: "features", description: "Print what this runtime supports, as JSON" },
    args: {},
    run() {
      print(`${JSON.stringify(features({ version, commit }), null, 4)}\n`);
    },
  });
