/** An engine's process that dies in the middle of a message. */
import { FrameEncoder } from "../../../src/engine/frames.ts";

const frame = new FrameEncoder().encode({ type: "metrics" });
Deno.stdout.writeSync(frame.subarray(0, frame.length - 3));
console.error("thread 'main' panicked at wgpu-core: no luck today");
Deno.exit(101);
