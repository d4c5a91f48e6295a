/**
 * Lists of `linux.resources.devices` to be compared with runc, and what must hold under each whatever runc does.
 * In: rules as text. Out: rules as config.json spells them.
 * @module
 */

export type Version = "cgroup v1" | "cgroup v2";

export interface RuleList {
  name: string;
  /** See `ruleOf`, or as config.json has it; absent: no `resources` at all. */
  rules?: readonly (string | object)[];
  /** What bunker allows and denies: DEVICE and what is tried, r, w, m or rw, which is one open. */
  allowed?: readonly string[];
  denied?: readonly string[];
  /** What bunker says where it refuses the list. */
  refused?: { version?: Version; message: RegExp };
}

/** One rule, "allow" or "deny" with TYPE MAJOR:MINOR ACCESS; what is "*" or missing is left out, access is always there. */
export function ruleOf(text: string): object {
  const [verb, type, numbers, access = "rwm"] = text.split(" ");
  const [major, minor] = (numbers ?? "*:*").split(":");
  return {
    allow: verb === "allow",
    ...(type === undefined ? {} : { type }),
    ...(major === "*" ? {} : { major: Number(major) }),
    ...(minor === "*" ? {} : { minor: Number(minor) }),
    access,
  };
}

/** Majors 60 and 61 are for local use: no driver has them. */
export const devices =
  "c1:3 c1:5 c1:7 c1:8 c1:9 c1:11 c5:0 c5:2 c10:229 c60:1 c60:2 c61:1 b7:0 b60:1 b60:2 b61:1".split(" ");

/** What holds wherever a list starts from nothing. */
const always = ["c1:3 r", "c1:5 rw", "c1:7 w", "c1:8 r", "c1:9 rw", "c5:0 rw", "c5:2 rw", "c61:1 m", "b61:1 m"];

export const ruleLists: readonly RuleList[] = [
  { name: "no resources", allowed: ["c1:3 rw", "c60:1 rw", "b60:1 m"] },
  { name: "an empty list", rules: [], allowed: ["c1:3 rw", "c60:1 rw", "b60:1 m"] },
  { name: "deny all", rules: ["deny"], allowed: always, denied: ["c1:11 r", "c10:229 rw", "c60:1 r", "b7:0 r"] },
  { name: "allow all", rules: ["allow"], allowed: ["c1:11 w", "c10:229 m", "c60:1 rw", "b60:1 rw"] },
  {
    name: "deny all, then an allow list",
    rules: ["deny", "allow c 10:229 rwm", "allow c 60:1 r", "allow b 60:1 rw"],
    allowed: [...always, "c10:229 rw", "c60:1 r", "b60:1 rw"],
    denied: ["c60:1 w", "c60:1 rw", "c60:2 r", "b60:2 r"],
  },
  {
    name: "allow all, then deny one",
    rules: ["allow", "deny c 60:1 rwm"],
    allowed: ["c60:2 rw", "b60:1 rw", "b60:1 m"],
    denied: ["c60:1 r", "c60:1 w", "c60:1 rw", "c60:1 m"],
  },
  {
    name: "a later deny overrides",
    rules: ["deny", "allow c 60:1 rwm", "allow c 60:2 rwm", "deny c 60:1 rwm"],
    allowed: ["c60:2 rw"],
    denied: ["c60:1 r", "c60:1 w"],
  },
  {
    name: "a later allow overrides",
    rules: ["allow", "deny c 60:1 rwm", "deny c 60:2 rwm", "allow c 60:1 rwm"],
    allowed: ["c60:1 rw", "c60:1 m"],
    denied: ["c60:2 r", "c60:2 m"],
  },
  {
    name: "everything again clears what was before",
    rules: ["allow", "deny c 60:1 rwm", "deny a -1:-1 rwm", "allow c 60:2 r"],
    allowed: ["c60:2 r"],
    denied: ["c60:1 r", "b60:1 r", "c60:2 w"],
  },
  {
    name: "allow everything again",
    rules: ["deny", "allow c 60:1 r", "allow a *:* rwm", "deny b 60:1 rw"],
    allowed: ["c60:1 rw", "c60:2 rw", "b60:1 m"],
    denied: ["b60:1 r", "b60:1 rw"],
  },
  {
    name: "any minor",
    rules: ["deny", "allow c 60:* rwm"],
    allowed: ["c60:1 rw", "c60:2 rw"],
    denied: ["c61:1 r", "b60:1 r"],
  },
  {
    name: "any major",
    rules: ["deny", "allow c *:1 rwm"],
    allowed: ["c60:1 rw", "c61:1 rw"],
    denied: ["c60:2 r", "b60:1 r"],
  },
  {
    name: "any number as -1",
    rules: ["deny", "allow c -1:-1 rw"],
    allowed: ["c60:1 rw", "c10:229 rw"],
    denied: ["b60:1 r", "b7:0 r"],
  },
  {
    name: "a block device, not its char namesake",
    rules: ["deny", "allow b 60:1 rwm"],
    allowed: ["b60:1 rw"],
    denied: ["c60:1 r", "b60:2 r"],
  },
  {
    name: "char devices denied, their block namesakes not",
    rules: ["allow", "deny c 60:* rwm"],
    allowed: ["b60:1 rw", "b60:2 m", "c61:1 rw"],
    denied: ["c60:1 r", "c60:2 m"],
  },
  {
    name: "parts of access",
    rules: [
      "deny",
      "allow c 10:229 r",
      "allow c 60:1 w",
      "allow c 60:2 m",
      "allow c 61:1 rw",
      "allow b 60:1 rm",
      "allow b 60:2 wm",
    ],
    allowed: ["c10:229 r", "c60:1 w", "c61:1 rw", "b60:1 r", "b60:2 w"],
    denied: ["c10:229 w", "c10:229 rw", "c60:1 r", "c60:1 rw", "c60:2 r", "b60:1 w", "b60:2 r"],
  },
  {
    name: "a part denied after the whole was allowed",
    rules: ["deny", "allow c 10:229 rwm", "allow b 60:1 rw", "deny c 10:229 w", "deny b 60:1 r"],
    allowed: ["c10:229 r", "b60:1 w"],
    denied: ["c10:229 w", "c10:229 rw", "b60:1 r", "b60:1 rw"],
  },
  {
    name: "parts denied where all is allowed",
    rules: ["allow", "deny c 10:229 w", "deny c 60:1 r", "deny b 60:1 m"],
    allowed: ["c10:229 r", "c60:1 w", "b60:1 rw", "c60:1 m"],
    denied: ["c10:229 w", "c10:229 rw", "c60:1 r", "c60:1 rw", "b60:1 m"],
  },
  {
    name: "overlapping wildcards",
    rules: ["deny", "allow c 60:* r", "allow c *:1 w", "allow c 61:1 r"],
    allowed: ["c60:1 r", "c60:1 w", "c60:2 r", "c61:1 r", "c61:1 w"],
    denied: ["c60:2 w", "b60:1 r"],
  },
  {
    name: "the same rule twice",
    rules: ["deny", "deny", "allow c 60:1 r", "allow c 60:1 r", "allow c 60:1 w", "allow c 60:2 w", "allow c 60:2 w"],
    allowed: ["c60:1 rw", "c60:2 w"],
    denied: ["c60:2 r", "b60:1 r"],
  },
  {
    name: "the same denial twice",
    rules: ["allow", "deny b 60:1 rw", "deny b 60:1 rw", "deny b 60:1 r"],
    allowed: ["b60:2 rw", "b60:1 m"],
    denied: ["b60:1 r", "b60:1 w"],
  },
  { name: "no rule for everything first", rules: ["allow c 60:1 rw"], allowed: ["c60:1 rw"], denied: ["c60:2 r"] },
  { name: "a denial alone", rules: ["deny c 60:1 rwm"], allowed: always, denied: ["c60:1 r", "c60:2 r", "b7:0 r"] },
  {
    name: "what is always allowed, denied",
    rules: ["deny", "deny c 1:3 rwm", "deny c 1:9 w", "deny c 5:0 rwm", "deny c 5:* rwm"],
    allowed: always,
    denied: ["c60:1 r"],
  },
  {
    name: "what is always allowed, denied after all is allowed",
    rules: ["allow", "deny c 1:3 rwm", "deny c 1:11 rwm"],
    allowed: ["c1:3 rw", "c60:1 rw"],
    denied: ["c1:11 r"],
  },
  {
    name: "making nodes denied where all is allowed",
    rules: ["allow", "deny b *:* m", "deny c 60:* m"],
    allowed: ["b60:1 rw", "c60:1 rw", "c61:1 m"],
    denied: ["b60:1 m", "c60:1 m"],
  },
  {
    name: "type a with numbers",
    rules: ["deny", "allow a 60:1 rwm"],
    allowed: ["c60:1 rw", "b60:1 rw"],
    denied: ["c60:2 r", "b60:2 r"],
  },
  { name: "type a with a part of access", rules: ["deny", "allow a *:* r"], allowed: ["c60:1 r"], denied: ["c60:1 w"] },
  {
    name: "type a denied with numbers",
    rules: ["allow", "deny a 60:1 rwm"],
    allowed: ["c60:2 rw", "b60:2 rw"],
    denied: ["c60:1 r", "b60:1 rw"],
  },
  {
    name: "a wider denial after narrow allowances",
    rules: ["deny", "allow c 60:1 rwm", "allow b 60:1 rwm", "deny c *:* rwm"],
    allowed: ["b60:1 rw"],
    denied: ["c60:1 r"],
  },
  {
    name: "a wider allowance after narrow denials",
    rules: ["allow", "deny c 60:1 rwm", "deny b 60:1 rwm", "allow c 60:* rw"],
    allowed: ["c60:1 rw"],
    denied: ["b60:1 r", "c60:1 m"],
  },
  {
    name: "a hole in a wide allowance",
    rules: ["deny", "allow c 60:* rwm", "deny c 60:1 rw"],
    refused: { version: "cgroup v1", message: /cannot deny "c 60:1 rw" within "c 60:\* rwm"/ },
    allowed: ["c60:2 rw", "c60:1 m"],
    denied: ["c60:1 r", "c60:1 w"],
  },
  {
    name: "a hole in a wide denial",
    rules: ["allow", "deny c 60:* rwm", "allow c 60:1 rw"],
    refused: { version: "cgroup v1", message: /cannot allow "c 60:1 rw" within "c 60:\* rwm"/ },
    allowed: ["c60:1 rw", "b60:1 rw"],
    denied: ["c60:2 r", "c60:1 m"],
  },
  {
    name: "a wide denial over what is always allowed",
    rules: ["allow", "deny c 1:* rwm"],
    refused: { version: "cgroup v1", message: /cannot allow "c 1:3 rwm" within "c 1:\* rwm"/ },
    allowed: ["c1:3 rw", "c60:1 rw"],
    denied: ["c1:11 r", "c1:11 m"],
  },
  {
    name: "no access",
    rules: [{ allow: false }, { allow: true, type: "c", major: 60, minor: 1 }],
    allowed: ["c60:1 rw"],
    denied: ["c60:2 r"],
  },
  { name: "unknown access", rules: ["deny", "allow c 60:1 rx"], allowed: ["c60:1 r"], denied: ["c60:1 w", "c60:2 r"] },
  {
    name: "a type no rule has",
    rules: ["deny", "allow p 60:1 rw"],
    refused: { message: /devices\/1\/type: Expected/ },
  },
  {
    name: "a type of devices alone",
    rules: ["deny", "allow u 60:1"],
    refused: { message: /devices\/1\/type: Expected/ },
  },
  {
    name: "a number no device has",
    rules: ["deny", "allow c 8589934652:1 rw"],
    refused: { message: /devices\/1\/major: Expected an integer from -1/ },
  },
  {
    name: "a negative number",
    rules: ["deny", "allow c -2:1 rw"],
    refused: { message: /devices\/1\/major: Expected an integer from -1/ },
  },
];
