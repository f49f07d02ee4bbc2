/** A gateway in miniature: starts an engine, loads a model, generates, prints the engine's pid, and never ends. */
import { PortEngineClient } from "../../../src/engine/client.ts";
import { openProcessPort } from "../../../src/engine/process_port.ts";
import { submitCommand } from "../../support/fake_engine.ts";

const port = openProcessPort();
const client = new PortEngineClient(port);
await client.load({
  modelKey: "m",
  path: new URL("../../../demo/parents/helper", import.meta.url).pathname,
  quantization: "none",
  precision: "f32",
  maxContext: 1024,
  maxSequences: 1,
});
client.submit(submitCommand("r", [1], { maxTokens: 1000, ignoreEos: true }), (message) => {
  if (message.type === "promptProcessed") console.log(port.pid);
});
