/** An engine's process that prints where its messages go, and far too much where they do not. */
import { FrameEncoder } from "../../../src/engine/frames.ts";

const frames = new FrameEncoder();
const device = {
  adapter: "chatty",
  vendor: "",
  backend: "",
  features: [],
  limits: {},
  software: true,
  kernelsSha256: "",
  memoryBandwidth: null,
};
console.log("a native library says hello");
Deno.stdout.writeSync(frames.encode({ type: "ready", device }));
console.log("and goes on");
console.error("x".repeat(100_000));
for (let line = 0; line < 10_000; line++) console.error(`\x1b[31mline ${line}\x1b[0m`);
console.error("the last words");
Deno.exit(3);
