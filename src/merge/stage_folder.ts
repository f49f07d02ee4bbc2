/**
 * Where the results of the first documents of a configuration lie until the last one is merged: a folder of a fixed
 * name beside the output, gone at the end however it ends. Only a process that is killed leaves it, for the next merge
 * of the same configuration to the same place, which takes up the stages that are still whole; any other clears it.
 */
import { hashArtifact, manifestSha256, sha256 } from "../formats/artifact.ts";
import { ModelFolder } from "../formats/folder.ts";
import { writeStagedFile } from "../formats/staged_file.ts";
import { StagedFolder } from "../formats/staged_folder.ts";
import { VERSION } from "../version.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { ModelResolver } from "./model_paths.ts";
import { type MergeRecord, RECORD_VERSION } from "./record.ts";
import { readRecord } from "./record_file.ts";
import { requireMethod } from "./step_parameters.ts";

const MARK_FILE = ".stages";

/** What of the options of a merge decides what its stages are. */
export interface StageFacts {
  readonly shardBytes?: number;
  readonly architectures?: readonly unknown[];
  /** false: nothing is taken up. */
  readonly resume?: boolean;
}

/** Claims the folder, empty or with stages of the same configuration in it. */
export async function claimStages(
  outDir: string,
  config: MergeConfig,
  { shardBytes, architectures, resume }: StageFacts,
): Promise<StagedFolder> {
  const arithmetic = [...config.before, config].map((document) => requireMethod(document).arithmetic);
  const mark = sha256(
    JSON.stringify([
      VERSION,
      RECORD_VERSION,
      arithmetic,
      config.text,
      shardBytes ?? null,
      architectures ?? [],
    ]),
  );
  const folder = await StagedFolder.claim(outDir, "stages");
  try {
    const found = (await folder.list()).includes(MARK_FILE)
      ? await Deno.readTextFile(folder.pathOf(MARK_FILE))
      : null;
    if (found !== mark || resume === false) {
      await folder.clear();
      await writeStagedFile(folder, MARK_FILE, mark);
    }
    return folder;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** The record of the stage at `place`, where it is whole and its parents are, by their hashes, what they were. */
export async function finishedStage(
  place: string,
  resolve: ModelResolver,
  options: { readonly signal?: AbortSignal },
): Promise<MergeRecord | null> {
  if (!await Deno.stat(place).then(() => true, () => false)) return null;
  const manifestOf = async (dir: string) =>
    manifestSha256(await hashArtifact(await ModelFolder.open(dir), options));
  const record = await readRecord(await ModelFolder.open(place)).catch(() => null);
  if (record === null || await manifestOf(place) !== record.artifact.manifestSha256) return null;
  const { sources, tokenizer } = record;
  // A tokenizer of a model that was not merged is recorded in part only.
  if (tokenizer !== undefined && !sources.some(({ name }) => name === tokenizer.model)) return null;
  for (const source of sources) {
    if (await manifestOf(await resolve(source.name)) !== source.manifestSha256) return null;
  }
  return record;
}
