/** `npm run issue-6911`: prints what test/issues/issue_6911.ts finds. Ends with 1 when bunker does not run it. @module */
import { missing } from "../support/machine.ts";
import { Scope } from "../support/scope.ts";
import { printIssue6911, showIssue6911 } from "./issue_6911.ts";

const reason = missing("root", "busybox", "userNamespaces");
if (reason !== undefined) {
  console.log(`issue-6911: skipped, ${reason}`);
  process.exit(0);
}
const scope = new Scope("issue6911", "root");
let isRun: boolean;
try {
  const shown = await showIssue6911(scope);
  console.log(printIssue6911(shown));
  isRun = shown[0]?.status === 0;
} finally {
  await scope.dispose();
}
process.exit(isRun ? 0 : 1);
