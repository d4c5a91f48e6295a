/** `bunker update`: an id and limits in, nothing out. @module */
import { UsageError } from "../errors.ts";
import { readResources, update } from "../lifecycle/update.ts";
import { defineCommand, type OptionDef } from "./command.ts";

/** What an option's text is. */
type Kind = "integer" | "bytes" | "text";

/** Option → where its value stands below `resources`, and what it is. */
const fields: Readonly<Record<string, readonly [section: string, key: string, kind: Kind]>> = {
  "blkio-weight": ["blockIO", "weight", "integer"],
  "cpu-period": ["cpu", "period", "integer"],
  "cpu-quota": ["cpu", "quota", "integer"],
  "cpu-burst": ["cpu", "burst", "integer"],
  "cpu-share": ["cpu", "shares", "integer"],
  "cpu-idle": ["cpu", "idle", "integer"],
  "cpu-rt-period": ["cpu", "realtimePeriod", "integer"],
  "cpu-rt-runtime": ["cpu", "realtimeRuntime", "integer"],
  "cpuset-cpus": ["cpu", "cpus", "text"],
  "cpuset-mems": ["cpu", "mems", "text"],
  memory: ["memory", "limit", "bytes"],
  "memory-reservation": ["memory", "reservation", "bytes"],
  "memory-swap": ["memory", "swap", "bytes"],
  "pids-limit": ["pids", "limit", "integer"],
};

const option = (valueHint: string, description: string) =>
  ({ type: "string", valueHint, description }) as const satisfies OptionDef;

export const command = () =>
  defineCommand({
    meta: { name: "update", description: "Change the limits and device rules of a container; what is not given stays" },
    args: {
      id: { type: "positional", description: "name of the container" },
      resources: {
        type: "string",
        alias: "r",
        valueHint: "FILE",
        description:
          "read limits and device rules from FILE (-: standard input), an object like linux.resources; options for limits " +
          "are ignored then",
      },
      "blkio-weight": option("N", "weight of block I/O, 10 to 1000"),
      "cpu-period": option("US", "period of the CPU quota, in microseconds"),
      "cpu-quota": option("US", "CPU time in each period, in microseconds; -1: no limit"),
      "cpu-burst": option("US", "CPU time saved up for bursts, in microseconds"),
      "cpu-share": option("N", "weight against other containers; 1024 is usual"),
      "cpu-idle": option("N", "1: runs only when nothing else does"),
      "cpu-rt-period": option("US", "period of the realtime CPU time, in microseconds"),
      "cpu-rt-runtime": option("US", "realtime CPU time in each period, in microseconds"),
      "cpuset-cpus": option("LIST", "processors it may use, such as 0-3,7"),
      "cpuset-mems": option("LIST", "memory nodes it may use"),
      "kernel-memory": option("BYTES", "ignored: obsolete"),
      "kernel-memory-tcp": option("BYTES", "ignored: obsolete"),
      memory: option("BYTES", "memory it may use, with k, m or g for units; -1: no limit"),
      "memory-reservation": option("BYTES", "memory that is taken from it last"),
      "memory-swap": option("BYTES", "memory and swap together; -1: no limit"),
      "pids-limit": option("N", "number of its processes; -1: no limit"),
      "l3-cache-schema": option("TEXT", 'share of the cache for its class of resctrl, such as "L3:0=f0;1=f"'),
      "mem-bw-schema": option("TEXT", 'share of memory bandwidth for its class, such as "MB:0=20;1=70"'),
    },
    run({ args, runtime }) {
      const file = args.resources;
      const change = { l3CacheSchema: args["l3-cache-schema"], memBwSchema: args["mem-bw-schema"] };
      if (file !== undefined) {
        update(runtime(), args.id!, readResources(file), file === "-" ? "standard input" : file, change);
        return;
      }
      const sections: Record<string, string[]> = {};
      for (const name in fields) {
        const given = (args as Readonly<Record<string, string | undefined>>)[name];
        if (given === undefined) continue;
        const [section, key, kind] = fields[name]!;
        (sections[section] ??= []).push(`${JSON.stringify(key)}:${valueOf(name, given, kind)}`);
      }
      const texts = Object.entries(sections).map(([section, values]) => `"${section}":{${values.join(",")}}`);
      update(runtime(), args.id!, `{${texts.join(",")}}`, "update's options", change);
    },
  });

const units = "bkmgtp";

/**
 * As JSON: text, or a number, of bytes with a unit of powers of 1024 ("100m", "1.5GiB"). Numbers of 64 bits keep every
 * digit, and a range is the schema's to check.
 */
function valueOf(name: string, given: string, kind: Kind): string {
  if (kind === "text") return JSON.stringify(given);
  const pattern = kind === "bytes" ? /^(-?[0-9]+|[0-9]+(\.[0-9]+))\s*([kmgtp])?(?:i?b)?$/i : /^(-?[0-9]+)$/;
  const match = pattern.exec(given.trim());
  if (match === null) {
    throw new UsageError(
      `Invalid value "${given}" for --${name}: ${kind === "bytes" ? "bytes, or with a unit such as 100m" : "an integer"}`,
    );
  }
  const [, text = "", fraction = "", unit = "b"] = match;
  const scale = 1024 ** units.indexOf(unit.toLowerCase());
  const whole = BigInt(text.slice(0, text.length - fraction.length)) * BigInt(scale);
  return String(whole + BigInt(Math.floor(Number(fraction) * scale)));
}
