/** An engine's process whose second message is none. */
import { FrameEncoder } from "../../../src/engine/frames.ts";

const frames = new FrameEncoder();
const device = {
  adapter: "malformed",
  vendor: "",
  backend: "",
  features: [],
  limits: {},
  software: true,
  kernelsSha256: "",
  memoryBandwidth: null,
};
const write = (bytes: Uint8Array) => void Deno.stdout.writeSync(bytes);
write(frames.encode({ type: "ready", device }));
const wrong = frames.encode({ type: "metrics" });
wrong[wrong.length - 2]! ^= 1;
write(wrong);
setInterval(() => {}, 1000); // It would live on.
