/**
 * The first run: merges the two demo parents in front of the user's eyes and registers all three, so that a fresh
 * checkout has a family of learned models. Whatever a run that was killed has left is taken up: a finished folder is
 * registered, an unfinished one was never there (merging renames last).
 */
import { join, resolve } from "node:path";
import { modelResolver } from "../merge/model_paths.ts";
import type { MergeProgress } from "../merge/run.ts";
import { findModel } from "../store/models.ts";
import { LOCAL_ADMIN } from "./access.ts";
import { toModel } from "./models.ts";
import { type MergeRunOptions, runMerge } from "./merge/start.ts";
import { registerModel, type RegisterOptions } from "./register.ts";
import type { Model } from "./types.ts";
import { findMissingWeights } from "./weights.ts";

/** Names that the README and the printed curl line rely on. */
export const DEMO_NAMES = Object.freeze({
  storyteller: "geodesic/demo-storyteller",
  helper: "geodesic/demo-helper",
  merged: "geodesic/demo-slerp",
});

const CONFIG_FILE = "merge.yml";
/** By their names in merge.yml, which are also their folders. */
const PARENT_NAMES: ReadonlyMap<string, string> = new Map([
  ["parents/storyteller", DEMO_NAMES.storyteller],
  ["parents/helper", DEMO_NAMES.helper],
]);

/** With 128 hidden values a model gains nothing by FP8 and loses its words: these answer as demo/eval says. */
const QUANTIZATION = "none";

export interface PrepareDemoInput {
  /** The folder with merge.yml and parents/. */
  readonly demoDir: string;
  readonly onProgress?: (progress: MergeProgress) => void;
  readonly signal?: AbortSignal;
}

/** Whether this call has merged, and the merged model. Throws what registering and merging throw. */
export async function prepareDemo(
  options: MergeRunOptions,
  input: PrepareDemoInput,
): Promise<{ readonly merged: boolean; readonly model: Model }> {
  const demoDir = resolve(input.demoDir);
  const known = await findModel(options.db, { name: DEMO_NAMES.merged });
  const present = known !== undefined && await findMissingWeights(known) === null;
  const outDir = join(options.dataDir, "models", DEMO_NAMES.merged);
  if (!present && !await hasFiles(outDir)) {
    const row = await runMerge(options, LOCAL_ADMIN, {
      config: await Deno.readTextFile(join(demoDir, CONFIG_FILE)),
      configName: join(demoDir, CONFIG_FILE),
      name: DEMO_NAMES.merged,
      resolve: modelResolver({ cwd: demoDir, configDir: demoDir }),
      parentNames: PARENT_NAMES,
      quantization: QUANTIZATION,
      ...(input.onProgress && { onProgress: input.onProgress }),
      ...(input.signal && { signal: input.signal }),
    });
    return { merged: true, model: toModel(row) };
  }
  for (const [folder, name] of PARENT_NAMES) await ensureRegistered(options, join(demoDir, folder), name);
  const row = present ? known : await registerModel(options, LOCAL_ADMIN, {
    path: outDir,
    name: DEMO_NAMES.merged,
    quantization: QUANTIZATION,
  });
  return { merged: false, model: toModel(row) };
}

/** Cheap where nothing has changed; follows a checkout that has moved. */
async function ensureRegistered(options: RegisterOptions, path: string, name: string): Promise<void> {
  const known = await findModel(options.db, { name });
  if (known?.path === path && await findMissingWeights(known) === null) return;
  await registerModel(options, LOCAL_ADMIN, { path, name, quantization: QUANTIZATION });
}

async function hasFiles(dir: string): Promise<boolean> {
  try {
    for await (const _entry of Deno.readDir(dir)) return true;
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
