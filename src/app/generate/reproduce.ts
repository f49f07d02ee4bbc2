/**
 * Runs a generation again: the same prompt ids, parameters and seed, against the same files held in the same way. What
 * comes of it is a generation like others, linked to the first, that says where the tokens differ if they do. Another
 * device may well give other tokens where two are nearly as likely; which one it was stands in the conditions of both.
 */
import { ConfigError, ConflictError } from "../../errors.ts";
import { fromJson, fromJsonOrNull } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { type GenerationRow, isOpen } from "../../store/generations.ts";
import { findManifest, type ModelRow } from "../../store/models.ts";
import { unpackTokenIds } from "../../store/token_ids.ts";
import { requireModel } from "../models.ts";
import { requireRole } from "../roles.ts";
import type { GenerateInput, GenerationConditions, Principal } from "../types.ts";
import { allEvents } from "./event_rows.ts";
import { ReproductionCheck } from "./reproduction.ts";
import { admit, once } from "./start.ts";
import type { Accepted, StartOptions } from "./start_types.ts";

/** `original` is one that the principal may see. ConfigError unless it has ended; ConflictError where it cannot be the same. */
export async function startReproduction(
  options: StartOptions,
  principal: Principal,
  original: GenerationRow,
  input: Pick<GenerateInput, "idempotencyKey" | "onDisconnect">,
): Promise<GenerationRow> {
  requireRole(principal, "GENERATOR", "generate");
  const isSame = (row: GenerationRow) => row.reproduction_of === original.id;
  return await once(options, principal, { key: input.idempotencyKey, isSame }, async () => {
    if (isOpen(original)) {
      throw new ConfigError("Cannot reproduce a generation that is still running", { field: "id" });
    }
    const model = await requireModel(options.db, { id: original.model_id });
    return await admit(options, () => accept(options, { principal, original, model, input }));
  });
}

/** Ids of the answer as far as they were told. */
export async function loggedTokenIds(db: Db, generationId: string): Promise<readonly number[]> {
  const ids: number[] = [];
  for await (const event of allEvents(db, generationId)) {
    if (event.kind === "tokens") { for (const { id } of event.tokens) ids.push(id); }
  }
  return ids;
}

async function accept(
  { db, texts, loader, precision, kvCacheFormat, accumulation }: StartOptions,
  { principal, original, model, input }: Pick<Accepted, "principal" | "model" | "input"> & {
    readonly original: GenerationRow;
  },
): Promise<Accepted> {
  const conditions = fromJsonOrNull<GenerationConditions>(original.conditions);
  if (conditions === null || original.prompt_token_ids === null || original.sampling_origins === null) {
    throw new ConfigError(
      "Cannot reproduce this generation: it is older than the record of what that takes",
      {
        field: "id",
      },
    );
  }
  same("artifactSha256", original.artifact_sha256, await findManifest(db, model.artifact_id) ?? null);
  same("quantization", conditions.quantization, model.served_quantization);
  same("precision", conditions.precision, precision);
  same("kvCacheFormat", conditions.kvCacheFormat, kvCacheFormat);
  // Whether a device adds in f16 what may be, a load finds out; then conditions are compared.
  const added = loader.accumulationOf(model.id) ?? (accumulation === "f32" ? accumulation : undefined);
  if (added !== undefined) same("accumulation", conditions.accumulation ?? "f32", added);
  const tokenIds = unpackTokenIds(original.prompt_token_ids);
  const expected = await loggedTokenIds(db, original.id);
  return {
    principal,
    input,
    source: fromJson(original.prompt),
    model: checkContext(model, tokenIds.length),
    place: null,
    contextPolicy: "REFUSE",
    priority: 0,
    deadlineMs: null,
    served: await texts.open(model),
    prompt: { tokenIds, continuesText: conditions.continuesText, messages: [] },
    requested: fromJson(original.requested_sampling),
    effective: fromJson(original.effective_sampling),
    origins: fromJson(original.sampling_origins),
    revisionIds: fromJson(original.sampling_revision_ids),
    reproduction: {
      of: original.id,
      ownerId: original.principal_id,
      check: new ReproductionCheck(expected, { isWhole: original.status === "SUCCEEDED" }),
    },
  };
}

function checkContext(model: ModelRow, promptTokens: number): ModelRow {
  if (promptTokens < model.served_context_length) return model;
  throw new ConflictError(
    `Cannot reproduce: the prompt has ${promptTokens} tokens, and the model is served with a context of ` +
      `${model.served_context_length} now`,
    { promptTokens, contextLength: model.served_context_length },
  );
}

function same(field: string, then: string | null, now: string | null): void {
  if (then === now && then !== null) return;
  throw new ConflictError(
    `Cannot reproduce: the generation ran with ${field} ${then}, and the model is served with ${now} now`,
    { field, found: now, expected: then },
  );
}
