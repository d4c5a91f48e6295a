/**
 * Sends a descriptor over a unix socket, by the pseudo-call the stage has for it. Input: socket, descriptor, payload.
 * Output: 0, or a negative errno.
 * @module
 */
import { PlanBuilder } from "../plan/builder.ts";
import { encode } from "../program/encode.ts";
import { runImage } from "./program.ts";
import { kernel, tables } from "./sys.ts";

/** SCM_RIGHTS (unix(7)); the payload goes along, for a stream carries no descriptor without. */
export function sendFd(socket: number, fd: number, payload: string): number {
  const plan = new PlanBuilder();
  plan.call("send_fd", [socket, fd, payload]);
  const placed = plan.build().items.map((item, address) => ({ item, address }));
  return runImage(encode(placed, tables, 0, -1, (bytes) => kernel().address(bytes))).result;
}
