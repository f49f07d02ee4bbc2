/**
 * The registry of models: who there is, what each is made of, and who descends from whom. Reading is open to everybody
 * who was let in; registering, loading and unloading are for admins.
 */
import { NotFoundError } from "../errors.ts";
import type { Quantization } from "../model/runner.ts";
import { fromJsonOrNull, fromTime, fromTimeOrNull, toBigInt } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/models.ts";
import { recordAct } from "./audit.ts";
import { modelEvents } from "./model_events.ts";
import { parsePage, textKeyset, toPage } from "./paging.ts";
import { noteSound, registerModel } from "./register.ts";
import { type ChangeOptions, removeModel, updateModel } from "./model_changes.ts";
import type { ResidencyBoard } from "./residency.ts";
import { requireRole } from "./roles.ts";
import type { Artifact, Model, ModelRef, ModelUseCases, Principal, ResidencyState } from "./types.ts";

const MODELS = textKeyset("models");

/** The model use cases over the store, the loader and the residency board. */
export function createModels(options: ChangeOptions): ModelUseCases {
  const { db, board, loader, clock } = options;
  /** Nothing in the database changes by it, so the act is written before it is begun. */
  const record = (actor: Principal, action: "model.load" | "model.unload", { id, name }: store.ModelRow) =>
    db.transaction().execute((trx) =>
      recordAct(trx, { actor, at: clock.now(), action, target: id, details: { name } })
    );
  return {
    async get(ref) {
      const row = await store.findModel(db, ref);
      if (row === undefined) return null;
      // Another process (the command line) may have brought the weights meanwhile.
      await noteSound(board, row, ["MISSING_WEIGHTS"]);
      return toModel(row);
    },

    async getMany(ids) {
      const found = await store.findModels(db, [...new Set(ids)]);
      // As above, and a merge or a pull tells of its end a moment before the board knows of the weights.
      for (const row of found) if (store.hasFolder(row)) await noteSound(board, row, ["MISSING_WEIGHTS"]);
      const rows = new Map(found.map((row) => [row.id, row]));
      return ids.map((id) => {
        const row = rows.get(id);
        return row === undefined ? null : toModel(row);
      });
    },

    async list(args, { state, ...rest } = {}) {
      const { first, after } = parsePage(MODELS, args);
      const filter = {
        ...rest,
        ...stateFilter(board, state),
      };
      const page = { first, ...(after === undefined ? {} : { afterName: after }) };
      return toPage(MODELS, await store.listModels(db, filter, page), (row) => row.name, toModel);
    },

    residency: (modelId) => board.get(modelId),
    onResidencyChange: (listener) => board.subscribe(listener),
    events: (ref, { signal }) => modelEvents(options, ref, signal),

    async artifact(artifactId) {
      const found = await store.findArtifact(db, artifactId);
      return found === undefined ? null : toArtifact(found);
    },

    async parents(modelId) {
      return (await store.parentModels(db, modelId)).map(toModel);
    },

    async declaredParents(modelId) {
      return (await store.declaredParents(db, modelId)).map((row) => ({
        name: row.name,
        isBase: row.is_base === 1,
        modelId: row.parent_id,
      }));
    },

    async descendants(modelId) {
      const found = new Map<string, store.ModelRow>();
      let generation: readonly string[] = [modelId];
      while (generation.length > 0) {
        const children = (await store.childModels(db, generation)).filter((row) =>
          row.id !== modelId && !found.has(row.id)
        );
        for (const row of children) found.set(row.id, row);
        generation = children.map((row) => row.id);
      }
      return [...found.values()].map(toModel);
    },

    async register(principal, input) {
      requireRole(principal, "ADMIN", "register models");
      return toModel(await registerModel(options, principal, input));
    },

    async load(principal, ref) {
      requireRole(principal, "ADMIN", "load models");
      const row = await requireModel(db, ref);
      await record(principal, "model.load", row);
      using _lease = await loader.ensureLoaded(row, { insist: true });
      return toModel(row);
    },

    async unload(principal, ref) {
      requireRole(principal, "ADMIN", "unload models");
      const row = await requireModel(db, ref);
      await record(principal, "model.unload", row);
      await loader.unload(row.id);
      return toModel(row);
    },

    async update(principal, ref, change) {
      requireRole(principal, "ADMIN", "change models");
      return toModel(await updateModel(options, principal, { row: await requireModel(db, ref), change }));
    },

    async remove(principal, ref, { deleteFiles = false } = {}) {
      requireRole(principal, "ADMIN", "remove models");
      return toModel(
        await removeModel(options, principal, { row: await requireModel(db, ref), deleteFiles }),
      );
    },
  };
}

/** The row, or NotFoundError. */
export async function requireModel(db: Db, ref: ModelRef): Promise<store.ModelRow> {
  const row = await store.findModel(db, ref);
  if (row === undefined) {
    const which = "id" in ref ? `with id "${ref.id}"` : `named "${ref.name}"`;
    throw new NotFoundError(`No model ${which}: the query models and GET /v1/models list them`, { ...ref });
  }
  return row;
}

/** A row as the use cases show it. */
export function toModel(row: store.ModelRow): Model {
  return {
    id: row.id,
    name: row.name,
    author: row.author,
    task: "TEXT_GENERATION",
    architecture: row.architecture,
    parameterCount: row.parameter_count === null ? null : toBigInt(row.parameter_count),
    license: row.license,
    publishedAt: fromTimeOrNull(row.published_at),
    description: row.description,
    nativeContextLength: row.native_context_length,
    servedContextLength: row.served_context_length,
    nativeDtype: row.native_dtype as Model["nativeDtype"],
    servedQuantization: row.served_quantization as Quantization,
    concurrencyCost: row.concurrency_cost,
    artifactId: store.hasFolder(row) ? row.artifact_id : null,
    mergeId: row.merge_id,
    createdAt: fromTime(row.created_at),
    recipe: row.recipe,
    origin: fromJsonOrNull(row.origin),
    removedAt: fromTimeOrNull(row.removed_at),
    keepAliveSeconds: row.keep_alive_seconds,
    isPinned: row.pinned === 1,
  };
}

function toArtifact({ artifact, files }: {
  readonly artifact: store.ArtifactRow;
  readonly files: readonly store.ArtifactFileRow[];
}): Artifact {
  return {
    id: artifact.id,
    manifestSha256: artifact.manifest_sha256,
    sizeBytes: toBigInt(artifact.size_bytes),
    files: files.map((file) => ({
      path: file.path,
      sizeBytes: toBigInt(file.size_bytes),
      sha256: file.sha256,
    })),
  };
}

/** Residency is not in the database: the few models that are not cold are named in the query. */
function stateFilter(board: ResidencyBoard, state: ResidencyState | undefined): store.ModelFilter {
  if (state === undefined) return {};
  return state === "COLD" ? { exceptIds: board.notCold() } : { ids: board.inState(state) };
}
