/**
 * What a container sees of itself. In: text of the probe script run inside by busybox sh. Out: a flat map
 * from "section name" to text, freed of everything that two runs of one runtime may differ in.
 * @module
 */

/**
 * Run inside the container as `/bin/sh -c`. Prints `== section` headers. Touches nothing but /tmp.
 * Descriptors are listed without a pipe: the shell itself would hold its ends.
 */
export const probeScript = String.raw`
echo "== fds"; ls -1 /proc/$$/fd 2>/dev/null
echo "== environment"; tr '\0' '\n' < /proc/$$/environ 2>/dev/null
echo "== mounts"; cat /proc/self/mountinfo 2>/dev/null
echo "== dev"; for f in /dev /dev/* /dev/pts/* /dev/net/*; do [ -e $f -o -L $f ] && echo "$(stat -c '%n %A %u:%g %t,%T' $f) $(readlink $f)"; done
echo "== root"; stat -c '%n %A %u:%g' / /*
echo "== status"; grep -E '^(Uid|Gid|Groups|Umask|NoNewPrivs|Seccomp|Cap...|Sig(Blk|Ign|Cgt)|Threads|CoreDumping|THP_enabled):' /proc/$$/status
echo "== limits"; cat /proc/$$/limits 2>/dev/null
echo "== values"
echo "cwd $(pwd -P)"
echo "cwd-link $(readlink /proc/$$/cwd)"
echo "root-link $(readlink /proc/$$/root)"
echo "id $(id)"
echo "uid-map $(tr -s ' \n' ' ' < /proc/$$/uid_map 2>/dev/null)"
echo "gid-map $(tr -s ' \n' ' ' < /proc/$$/gid_map 2>/dev/null) $(cat /proc/$$/setgroups 2>/dev/null)"
echo "umask $(umask)"
echo "hostname $(hostname)"
echo "domainname $(cat /proc/sys/kernel/domainname 2>/dev/null)"
echo "oom $(cat /proc/$$/oom_score_adj 2>/dev/null)"
echo "personality $(cat /proc/$$/personality 2>/dev/null) $(uname -m)"
echo "pid $([ $$ = 1 ] && echo 1 || echo another)"
echo "session $(awk '{print ($5==$1), ($6==$1), $7}' /proc/$$/stat 2>/dev/null)"
echo "pid-namespaces $(grep NSpid /proc/$$/status 2>/dev/null | wc -w)"
echo "nice $(awk '{print $18, $19, $41}' /proc/$$/stat 2>/dev/null)"
echo "cmdline $(tr '\0' ' ' < /proc/$$/cmdline 2>/dev/null | head -c 12)"
echo "network $(ip -o addr show dev lo 2>/dev/null | awk '{print $4}' | tr '\n' ' ') $(ip -o link 2>/dev/null | wc -l)"
echo "network-up $(ip -o link show dev lo 2>/dev/null | grep -o '<.*>')"
echo "== cgroup"; cat /proc/self/cgroup 2>/dev/null
echo "== namespaces"; for n in cgroup ipc mnt net pid user uts time; do echo "$n $(readlink /proc/$$/ns/$n)"; done
echo "== writable"; for p in / /tmp /dev /dev/shm /dev/mqueue /proc /proc/sys/kernel/shmmax /proc/irq /proc/bus /proc/fs /sys /sys/kernel /sys/fs/cgroup /etc /mnt; do
  if [ -d $p ]; then e=$( { : > $p/.probe; } 2>&1 ) && { e=yes; rm $p/.probe; }; else e=$( { : >> $p; } 2>&1 ) && e=yes; fi; echo "$p" "${"$"}{e##*: }"; done
echo "== masked"; for p in /proc/acpi /proc/kcore /proc/keys /proc/timer_list /proc/scsi /sys/firmware; do
  if [ -d $p ]; then echo "$p directory $(ls $p 2>&1 | wc -l)"; elif [ -e $p ]; then echo "$p file $(head -c 16 $p 2>&1 | wc -c)"; else echo "$p absent"; fi; done
echo "== working"; for p in null zero full random urandom; do echo "$p $(head -c 1 /dev/$p 2>/dev/null | wc -c) $(echo x 2>/dev/null > /dev/$p && echo w)"; done
echo "ptmx $( { : <> /dev/ptmx; } 2>/dev/null && echo opens)"
echo "tty $( { : <> /dev/tty; } 2>&1 | sed 's/.*: //')"
echo "== extra"
`;

/** "section name" → text. */
export type View = Map<string, string>;

/** How to free a view of names that belong to one run. */
export interface Normalisation {
  /** Text → stand-in: bundle directory, tag and the like; longest first. */
  replace: readonly (readonly [string, string])[];
  /** Namespace links of the process that called the runtime, by type. */
  outside: ReadonlyMap<string, string>;
  /** Those of the process that the container joins. */
  joined: ReadonlyMap<string, string>;
}

/** Reads the probe's output into a view. */
export function parseView(output: string, normalisation: Normalisation): View {
  const view: View = new Map();
  let text = output;
  for (const [from, to] of normalisation.replace) text = text.replaceAll(from, to);
  let section = "output";
  let position = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("== ")) {
      section = line.slice(3);
      position = 0;
      continue;
    }
    if (line !== "") entry(view, section, line, position++, normalisation);
  }
  return view;
}

function entry(view: View, section: string, line: string, position: number, { outside, joined }: Normalisation): void {
  const put = (name: string, value: string): void => {
    const key = `${section} ${name}`;
    // Several mounts on one point come in an order of their own in each runtime: which is on top shows elsewhere.
    view.set(key, view.has(key) ? `${view.get(key)}\n${value}`.split("\n").toSorted().join("\n") : value);
  };
  const [first = "", ...rest] = line.split(/\s+/);
  switch (section) {
    case "mounts": {
      const mount = parseMount(line);
      return put(mount.point, mount.text);
    }
    case "limits": {
      const match = /^(.*?) {2,}(.*)$/.exec(line);
      return put(match?.[1] ?? line, (match?.[2] ?? "").replaceAll(/ +/g, " "));
    }
    case "namespaces":
      return put(first, whose(rest[0], outside.get(first), joined.get(first)));
    case "environment":
    case "extra":
    case "output":
      return put(String(position), line);
    case "root":
    case "dev":
    default:
      return put(first, rest.join(" "));
  }
}

function whose(own: string | undefined, outside: string | undefined, joined: string | undefined): string {
  if (own === undefined) return "unreadable";
  return own === outside ? "inherited" : own === joined ? "joined" : "new";
}

/** One line of mountinfo without ids and device numbers; peer groups keep their kind only. */
function parseMount(line: string): { point: string; text: string } {
  const words = line.split(" ");
  const dash = words.indexOf("-");
  const [, , , root = "", point = "", options = ""] = words;
  const propagation = words.slice(6, dash).map((word) => word.replace(/:\d+$/, ""));
  const [type = "", source = "", superOptions = ""] = words.slice(dash + 1);
  return {
    point,
    text: [
      `root=${root}`,
      options.split(",").toSorted().join(","),
      propagation.join(","),
      type,
      source,
      superOptions.split(",").toSorted().join(","),
    ].join(" "),
  };
}

/** One thing that two views differ in; undefined where one has no such entry. */
export interface Difference {
  key: string;
  ours: string | undefined;
  theirs: string | undefined;
}

/** All differences between two views, by key. */
export function compareViews(ours: View, theirs: View): Difference[] {
  // Where only one of the two ran at all, that is the one difference.
  const only = ours.has("result refused") !== theirs.has("result refused") ? /^result / : /^/;
  const keys = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted();
  return keys
    .filter((key) => only.test(key))
    .filter((key) => ours.get(key) !== theirs.get(key))
    .map((key) => ({ key, ours: ours.get(key), theirs: theirs.get(key) }));
}
