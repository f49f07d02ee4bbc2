/** The work of a pull: what can be refused before it starts, and what it does until the model is registered. */
import { join, resolve } from "node:path";
import { ConfigError } from "../../errors.ts";
import { requireFreeTarget } from "../../formats/staged_folder.ts";
import type { Hub } from "../../hub/hub_fetch.ts";
import { ORIGIN_FILE } from "../../hub/origin.ts";
import { pullModel } from "../../hub/pull.ts";
import { parseRevision } from "../../hub/settings.ts";
import { findModel, hasFolder, type ModelRow } from "../../store/models.ts";
import {
  noteRegistered,
  parseName,
  prepareRegistration,
  type RegisterOptions,
  requireArchitecture,
  writeRegistration,
} from "../register.ts";
import { findMissingWeights } from "../weights.ts";
import type { PullInput } from "../job_types.ts";
import type { WorkContext, WorkResult } from "./job.ts";

export interface PullRequest {
  readonly repository: string;
  readonly revision: string;
  readonly name: string;
}

/** Throws ConfigError for what is no name or revision. */
export function parsePull({ repository, revision = "main", name = repository }: PullInput): PullRequest {
  return { repository: parseName(repository), revision: parseRevision(revision), name: parseName(name) };
}

/** Throws ConfigError where the name stands for weights that are here, or its place in the library is taken. */
export async function requirePullable(
  options: Pick<RegisterOptions, "db" | "dataDir">,
  { name }: PullRequest,
): Promise<void> {
  const target = targetOf(options, name);
  const known = await findModel(options.db, { name });
  if (known !== undefined && hasFolder(known)) {
    const missing = await findMissingWeights(known);
    if (missing === null || known.path !== target) {
      throw new ConfigError(
        `Cannot pull "${name}": there is a model of that name, in "${known.path}". ` +
          "Remove it first (removeModel), or pull under another name",
        { field: "name", name, path: known.path },
      );
    }
  }
  if (!await isPulled(target)) await requireFreeTarget(target);
}

/** Fetches (unless an earlier process had just finished that) and registers. */
export async function pullWork(
  options: RegisterOptions & { readonly hub: Hub },
  request: PullRequest,
  { signal, report }: WorkContext,
): Promise<WorkResult> {
  const { repository, revision, name } = request;
  const target = targetOf(options, name);
  const known = await findModel(options.db, { name });
  let files;
  if (!await isPulled(target)) {
    ({ files } = await pullModel({
      ...{ hub: options.hub, repository, revision, target, signal },
      checkConfig: ({ architecture }) => known && requireArchitecture(known, architecture),
      onProgress: (progress) =>
        report({
          stage: "pulling",
          doneBytes: progress.doneBytes,
          totalBytes: progress.totalBytes,
          doneItems: progress.doneFiles,
          totalItems: progress.totalFiles,
          freeBytes: progress.resumedBytes,
        }),
    }));
  }
  report({ stage: "registering", doneBytes: 0, totalBytes: 0, doneItems: 0, totalItems: 1 });
  const registration = await prepareRegistration(options, { path: target, name }, files);
  let row: ModelRow | undefined;
  return {
    result: null,
    write: async (trx) => void (row = await writeRegistration(options, trx, registration)),
    after: async () => await noteRegistered(options, row!),
  };
}

/** Whole, but perhaps not registered: a process may have died between the two. */
function isPulled(target: string): Promise<boolean> {
  return Deno.stat(join(target, ORIGIN_FILE)).then((info) => info.isFile, () => false);
}

export function targetOf({ dataDir }: Pick<RegisterOptions, "dataDir">, name: string): string {
  return resolve(dataDir, "models", name);
}
