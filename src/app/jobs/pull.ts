/** The work of a pull: what can be refused before it starts, and what it does until the model is registered. */
import { resolve } from "node:path";
import { ConfigError } from "../../errors.ts";
import { quote } from "../../formats/json.ts";
import { requireFreeTarget } from "../../formats/staged_folder.ts";
import type { Hub } from "../../hub/hub.ts";
import { isPulled } from "../../hub/origin.ts";
import { pullModel } from "../../hub/pull.ts";
import { parseRevision } from "../../hub/settings.ts";
import type { Db } from "../../store/database.ts";
import { unfinishedMergeInto } from "../../store/merges.ts";
import { findModel, findModelAt, hasFolder, type ModelRow } from "../../store/models.ts";
import { oneActAtATime } from "../audit.ts";
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

/** Throws ConfigError for what is no repository (`owner/name`), name or revision. */
export function parsePull({ repository, revision = "main", name = repository }: PullInput): PullRequest {
  return {
    repository: parseRepository(repository),
    revision: parseRevision(revision),
    name: parseName(name),
  };
}

/** No hub has models without an owner; asking one for them would only take longer to fail. */
function parseRepository(repository: string): string {
  if (repository.includes("/")) return parseName(repository, "repository");
  const found = repository.slice(0, 300);
  throw new ConfigError(`Invalid repository ${quote(found)}: expected "owner/name", as the hub calls it`, {
    ...{ field: "repository", found, expected: "owner/name" },
  });
}

/**
 * Throws ConfigError where the name stands for weights that are here, where its place in the library is taken, or where a
 * merge is about to take it.
 */
export async function requirePullable(
  { db, dataDir }: Pick<RegisterOptions, "db" | "dataDir">,
  { name }: PullRequest,
): Promise<void> {
  const target = targetOf({ dataDir }, name);
  const known = await findModel(db, { name });
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
  const holder = await findModelAt(db, target);
  if (holder !== undefined && holder.name !== name) {
    throw new ConfigError(
      `Cannot pull "${name}": its place, "${target}", holds the model "${holder.name}". Pull under another name`,
      { field: "name", name, path: target, model: holder.name },
    );
  }
  await requireNoMergeInto(db, name);
  if (!await isPulled(target)) await requireFreeTarget(target);
}

/** Throws ConfigError while a merge is on its way into this name. */
export async function requireNoMergeInto(db: Db, name: string): Promise<void> {
  const merge = await unfinishedMergeInto(db, name);
  if (merge === undefined) return;
  throw new ConfigError(`Cannot pull "${name}": a merge into that name is on its way`, {
    ...{ field: "name", name, mergeId: merge.id },
  });
}

/** Fetches and registers. */
export async function pullWork(
  options: RegisterOptions & { readonly hub: Hub },
  request: PullRequest,
  { signal, report }: WorkContext,
): Promise<WorkResult> {
  const { repository, revision, name } = request;
  const target = targetOf(options, name);
  const known = await findModel(options.db, { name });
  const { files } = await pullModel({
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
  });
  report({ stage: "registering", doneBytes: 0, totalBytes: 0, doneItems: 0, totalItems: 1 });
  const registration = await prepareRegistration(options, { path: target, name }, files);
  let row: ModelRow | undefined;
  return {
    result: null,
    write: async (trx) => {
      await oneActAtATime(trx); // registering is one
      row = await writeRegistration(options, trx, registration);
    },
    after: async () => await noteRegistered(options, row!),
  };
}

/** Where models that are merged or pulled by name lie. */
export function libraryOf({ dataDir }: Pick<RegisterOptions, "dataDir">): string {
  return resolve(dataDir, "models");
}

export function targetOf(options: Pick<RegisterOptions, "dataDir">, name: string): string {
  return resolve(libraryOf(options), name);
}
