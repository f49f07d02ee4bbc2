/**
 * A merge of several documents: each is merged in order, into a temporary folder beside the output (see
 * stage_folder.ts), where the next ones find it by its name. What was in it stays in the records.
 */
import { resolve } from "node:path";
import { openCheckpoint } from "../formats/checkpoint.ts";
import { requireFreeTarget } from "../formats/staged_folder.ts";
import type { MergeConfig } from "./merge_config.ts";
import { findParents } from "./find_parents.ts";
import type { ModelResolver } from "./model_paths.ts";
import { modelNames } from "./plan.ts";
import type { MergeRecord, StageRecord } from "./record.ts";
import { claimStages, finishedStage, type StageFacts } from "./stage_folder.ts";

/** What the stages share with the merge that makes the output. */
interface StageOptions extends StageFacts {
  readonly outDir: string;
  readonly resolve: ModelResolver;
  readonly onProgress?: (progress: never) => void;
  readonly signal?: AbortSignal;
}

/** Merges one document, with the records of those before it. */
type MergeDocument<O> = (
  config: MergeConfig,
  options: O,
  stages: readonly StageRecord[],
) => Promise<MergeRecord>;

/** All documents are checked for form, the target for being free, and parents for being models, before the first merge. */
export async function mergeInStages<O extends StageOptions>(
  config: MergeConfig,
  options: O,
  mergeDocument: MergeDocument<O>,
): Promise<MergeRecord> {
  await requireParents(config, options);
  await requireFreeTarget(resolve(options.outDir));
  await using folder = await claimStages(options.outDir, config, options);
  const stages: StageRecord[] = [];
  const places = new Map<string, string>();
  const withPlaces = { ...options, resolve: placeResolver(options.resolve, places) };
  for (const [i, document] of config.before.entries()) {
    options.signal?.throwIfAborted();
    const name = document.name!; // only named documents are needed by others
    const place = folder.pathOf(String(i));
    const finished = await finishedStage(place, withPlaces.resolve, options);
    if (finished === null) await Deno.remove(place, { recursive: true }).catch(() => {}); // the merge says why not
    const record = finished ?? await mergeDocument(document, { ...withPlaces, outDir: place }, []);
    stages.push({ name, record });
    places.set(name, place);
  }
  return await mergeDocument(config, withPlaces, stages);
}

/** A parent that only a late document names is not to be missed after hours of work. */
async function requireParents(config: MergeConfig, { resolve, signal }: StageOptions): Promise<void> {
  const made = new Set(config.before.map((document) => document.name));
  const { folders } = await findParents([...config.before, config], resolve, made);
  const names = new Set([...config.before, config].flatMap(modelNames));
  for (const name of names) {
    if (made.has(name)) continue;
    const open = { anyArchitecture: true, ...(signal && { signal }) };
    (await openCheckpoint(folders.get(name)!, open))[Symbol.dispose]();
  }
}

function placeResolver(resolve: ModelResolver, places: ReadonlyMap<string, string>): ModelResolver {
  return (name) => {
    const place = places.get(name);
    return place === undefined ? resolve(name) : Promise.resolve(place);
  };
}
