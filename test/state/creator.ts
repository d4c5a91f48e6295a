/**
 * A process that makes a state directory and holds its lock for a while. Input: root, id, milliseconds.
 * Output: "won", or "lost: " and the error.
 * @module
 */
import { createStateDirectory, writeRecord } from "../../src/state/directory.ts";
import { sleep } from "../../src/state/process.ts";
import { printRecord } from "../../src/state/record.ts";
import { record } from "./fixture.ts";

const [root, id, milliseconds] = process.argv.slice(2);
try {
  const directory = createStateDirectory(root!, id!);
  writeRecord(directory, printRecord(record({ id: id! }), "{}"));
  sleep(Number(milliseconds));
  console.log("won");
} catch (error) {
  console.log(`lost: ${(error as Error).message}`);
}
