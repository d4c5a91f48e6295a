/**
 * Sends a descriptor over a unix socket, by the pseudo-call the stage has for it. Input: socket, descriptor, payload.
 * Output: 0, or a negative errno.
 * @module
 */
import { PlanBuilder } from "../plan/builder.ts";
import { placed } from "../program/addresses.ts";
import { makeImage, runImage } from "./program.ts";

/** SCM_RIGHTS (unix(7)); the payload goes along, for a stream carries no descriptor without. */
export function sendFd(socket: number, fd: number, payload: string): number {
  const plan = new PlanBuilder();
  plan.call("send_fd", [socket, fd, payload]);
  return runImage(makeImage(placed(plan.build().items), 0)).result;
}
