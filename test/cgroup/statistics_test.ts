/**
 * Statistics out of cgroup files, exactly as runc prints them; the files are copies of real ones.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { numbersOf } from "../../src/cgroup/counters.ts";
import { memoryText, outOfMemoryKills } from "../../src/cgroup/memory.ts";
import { jsonLine, statisticsOf } from "../../src/cgroup/statistics.ts";

/** Runs the body with directories of these files. */
function withFiles(directories: Record<string, Record<string, string>>, body: (paths: string[]) => void): void {
  const top = mkdtempSync(join(tmpdir(), "bunker-statistics-"));
  try {
    for (const [name, files] of Object.entries(directories)) {
      mkdirSync(join(top, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(join(top, name, file), text);
    }
    body(Object.keys(directories).map((name) => join(top, name)));
  } finally {
    rmSync(top, { recursive: true });
  }
}

const pressure = "some avg10=0.00 avg60=1.25 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";

const unified = {
  "cgroup.controllers": "cpu io memory pids\n",
  "cgroup.type": "domain\n",
  "cpu.stat": "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 4\nnr_throttled 1\nthrottled_usec 900\n",
  "cpu.pressure": pressure,
  "memory.current": "4096\n",
  "memory.peak": "8192\n",
  "memory.max": "104857600\n",
  "memory.swap.current": "1024\n",
  "memory.swap.max": "max\n",
  "memory.stat": "file 2048\nanon 1024\n",
  "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n",
  "pids.current": "3\n",
  "pids.max": "max\n",
  "io.stat": "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
  "hugetlb.2MB.current": "0\n",
  "hugetlb.2MB.rsvd.current": "2097152\n",
  "hugetlb.2MB.events": "max 5\n",
};

test("statisticsOf() has runc's members (v2)", () => {
  withFiles({ web: unified }, (paths) => {
    const line = jsonLine(statisticsOf(paths));
    assert.ok(line.startsWith('{"cpu":{"usage":{"total":5000000,"kernel":2000000,"user":3000000},'), line);
    assert.ok(line.includes('"throttling":{"periods":4,"throttledPeriods":1,"throttledTime":900000}'), line);
    assert.ok(line.includes('"psi":{"some":{"avg10":0,"avg60":1.25,"avg300":0,"total":77},"full":{'), line);
    // Memory and swap together, as version 1 counts; no limit is the largest number of 64 bits.
    assert.ok(line.includes('"usage":{"limit":104857600,"usage":4096,"max":8192,"failcnt":0}'), line);
    assert.ok(line.includes('"swap":{"limit":18446744073709551615,"usage":5120,"failcnt":0}'), line);
    assert.ok(line.includes('"cache":2048') && line.includes('"raw":{"anon":1024,"file":2048}'), line);
    assert.ok(line.includes('"pids":{"current":3}'), line);
    assert.ok(line.includes('{"major":254,"op":"Read","value":4096},{"major":254,"op":"Write"}]'), line);
    assert.ok(line.includes('"hugetlb":{"2MB":{"usage":2097152,"failcnt":5}}'), line);
    assert.ok(line.endsWith('"intel_rdt":{},"network_interfaces":null}'), line);
    assert.equal(outOfMemoryKills(paths), 2);
    assert.equal(memoryText(paths), "limit of 104857600 bytes");
  });
});

const legacy = {
  cpuacct: {
    "cpuacct.usage": "9007199254740993\n",
    "cpuacct.usage_percpu": "700 300 \n",
    "cpuacct.usage_all": "cpu user system\n0 600 100\n1 300 0\n",
    "cpuacct.stat": "user 2\nsystem 1\n",
  },
  cpu: { "cpu.shares": "1024\n", "cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n" },
  memory: {
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.usage_in_bytes": "4096\n",
    "memory.max_usage_in_bytes": "8192\n",
    "memory.failcnt": "1\n",
    "memory.stat": "cache 0\nrss 5\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
  },
  blkio: {
    "blkio.throttle.io_serviced": "Total 0\n",
    "blkio.throttle.io_serviced_recursive": "254:0 Read 7\n254:0 Total 7\nTotal 7\n",
    "blkio.bfq.io_serviced_recursive": "Total 0\n",
  },
  pids: { "pids.max": "20\n", "pids.current": "1\n" },
};

test("statisticsOf() has runc's members (v1), integers beyond 2^53 as they are", () => {
  withFiles(legacy, (paths) => {
    const line = jsonLine(statisticsOf(paths));
    assert.ok(
      line.includes('"total":9007199254740993,"percpu":[700,300],"percpu_kernel":[100,0],"percpu_user":[600,300]'),
      line,
    );
    assert.ok(line.includes('"kernel":10000000,"user":20000000},"throttling":{}}'), line);
    assert.ok(line.includes('"usage":{"limit":9223372036854771712,"usage":4096,"max":8192,"failcnt":1}'), line);
    assert.ok(line.includes('"ioServicedRecursive":[{"major":254,"op":"Read","value":7},'), line);
    assert.ok(line.includes('"pids":{"current":1,"limit":20}'), line);
    assert.equal(outOfMemoryKills(paths), 4);
  });
});

test("statisticsOf() of what is gone, or has no controllers, is zeros", () => {
  JSON.parse(jsonLine(statisticsOf(["/no/such/cgroup"])));
  JSON.parse(jsonLine(statisticsOf([])));
  assert.equal(outOfMemoryKills(["/no/such/cgroup"]), 0);
});

test("numbersOf() reads lists of processors", () => {
  assert.deepEqual(numbersOf("0-2,5\n"), [0n, 1n, 2n, 5n]);
  assert.deepEqual(numbersOf("\n"), []);
});
