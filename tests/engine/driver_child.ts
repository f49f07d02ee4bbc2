/** Loads and closes an engine, then prints how many mappings of Mesa's driver it had and has. */
import { createWorkerEngine } from "../../src/engine/client.ts";

const mappings = () => Deno.readTextFileSync("/proc/self/maps").match(/libvulkan_lvp/g)?.length ?? 0;

const engine = createWorkerEngine();
await engine.load({
  modelKey: "m",
  path: new URL("../fixtures/forward/gqa", import.meta.url).pathname,
  quantization: "none",
  precision: "f32",
  maxContext: 64,
  maxSequences: 2,
});
const during = mappings();
await engine[Symbol.asyncDispose]();
console.log(JSON.stringify({ during, after: mappings() }));
Deno.exit(0);
