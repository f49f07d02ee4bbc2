/** Loads and closes an engine; prints how often the process had OpenGL mapped, and how often it has a Vulkan driver still. */
import { createWorkerEngine } from "../../src/engine/client.ts";

const mappings = (library: RegExp) => Deno.readTextFileSync("/proc/self/maps").match(library)?.length ?? 0;

const engine = createWorkerEngine();
await engine.load({
  modelKey: "m",
  path: new URL("../fixtures/forward/gqa", import.meta.url).pathname,
  quantization: "none",
  precision: "f32",
  maxContext: 64,
  maxSequences: 2,
});
const openGl = mappings(/libEGL|_dri\.so/g);
await engine[Symbol.asyncDispose]();
console.log(JSON.stringify({ openGl, vulkan: mappings(/libvulkan_\w+\.so/g) }));
Deno.exit(0);
