/** An engine's process that says it is ready, prints a line, and does nothing from then on. */
import { FrameEncoder } from "../../../src/engine/frames.ts";

const device = {
  adapter: "idle",
  vendor: "",
  backend: "",
  features: [],
  limits: {},
  software: true,
  kernelsSha256: "",
  memoryBandwidth: null,
};
Deno.stdout.writeSync(new FrameEncoder().encode({ type: "ready", device }));
setInterval(() => {}, 1000);
