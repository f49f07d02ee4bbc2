/** All tensors of the safetensors files in a folder, and the files' names. For goldens only: it holds them all. */
import { join } from "node:path";
import { type LoadedTensor, loadTensors } from "./safetensors.ts";

export async function loadFolder(
  dir: string,
): Promise<{ tensors: Map<string, LoadedTensor>; files: string[] }> {
  const files = [...Deno.readDirSync(dir)].map((e) => e.name).filter((n) => n.endsWith(".safetensors"))
    .sort();
  const loaded = await Promise.all(files.map((file) => loadTensors(join(dir, file))));
  return { tensors: new Map(loaded.flatMap((tensors) => [...tensors])), files };
}
