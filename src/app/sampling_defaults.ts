/**
 * Sampling defaults that admins set, for a model or for the whole gateway. Every change is a new revision with author
 * and reason; none is ever edited, and a generation names the revisions it was started under.
 */
import type { Constraint } from "../constraint/constraint.ts";
import { ConfigError, ConflictError, NotFoundError } from "../errors.ts";
import { fromJson, fromTime, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import type { ModelRow } from "../store/models.ts";
import {
  findRevision,
  GATEWAY_SCOPE,
  insertRevision,
  latestRevision,
  latestRevisions,
  type SamplingRevisionRow,
} from "../store/sampling_revisions.ts";
import { oneActAtATime, recordAct } from "./audit.ts";
import type { Clock } from "./clock.ts";
import type { ServedTexts } from "./generate/served_text.ts";
import type { Ids } from "./ids.ts";
import { requireModel } from "./models.ts";
import { numberKeyset, parsePage, toPage } from "./paging.ts";
import { requireRole } from "./roles.ts";
import { layerSampling, parseSampling, SAMPLING_KEYS, type SamplingLayer } from "./sampling.ts";
import { describeParameters } from "./sampling_parameters.ts";
import type { SamplingChanges } from "./sampling_watch.ts";
import type {
  ModelRef,
  Principal,
  RevisionInput,
  SamplingChange,
  SamplingDefaults,
  SamplingDefaultUseCases,
  SamplingInput,
  SamplingOrigin,
  SamplingRevision,
} from "./types.ts";

const MAX_REASON_LENGTH = 1000;
const REVISIONS = numberKeyset("samplingRevisions");

export interface SamplingDefaultOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly texts: ServedTexts;
  /** Throws where the constraint is none that could be compiled. */
  readonly checkConstraint: (constraint: Constraint) => Promise<void>;
  /** Wakes those who watch. */
  readonly changes: SamplingChanges;
}

/** The use cases over the store. */
export function createSamplingDefaults(options: SamplingDefaultOptions): SamplingDefaultUseCases {
  const { db, clock, ids, changes } = options;

  /** The next revision of a scope, made from the current one's values. */
  async function append(
    author: Principal,
    input: { readonly model?: ModelRef; readonly revision?: number } & RevisionInput,
    next: (trx: Db, scope: string, current: SamplingInput) => Promise<SamplingInput>,
  ): Promise<SamplingRevision> {
    const reason = parseReason(input.reason);
    const at = clock.now();
    const { scope, revision } = await db.transaction().execute(async (trx) => {
      await oneActAtATime(trx);
      const scope = input.model === undefined ? GATEWAY_SCOPE : (await requireModel(trx, input.model)).id;
      const current = await latestRevision(trx, scope);
      checkExpected(input.expectedRevision, current);
      const values = await next(trx, scope, current === undefined ? {} : fromJson(current.values));
      checkTogether(values);
      const row: SamplingRevisionRow = {
        id: ids(),
        scope,
        revision: (current?.revision ?? 0) + 1,
        values: toJson(values),
        author: author.id,
        reason,
        created_at: toTime(at),
      };
      if (!await insertRevision(trx, row)) throw changedMeanwhile(row.revision);
      const action = input.revision === undefined ? "samplingDefaults.update" : "samplingDefaults.revert";
      const details = {
        ...{ revision: row.revision, reason, values: JSON.parse(row.values) },
        ...(input.revision !== undefined && { to: input.revision }),
      };
      await recordAct(trx, { actor: author, at, action, target: scope, details });
      return { scope, revision: toRevision(row, current) };
    });
    changes.publish(scope);
    return revision;
  }

  async function effective(ref: ModelRef | undefined): Promise<SamplingDefaults> {
    const model = ref === undefined ? null : await requireModel(db, ref);
    const { layers, revisions } = await samplingLayers(db, model);
    const { values, origins } = layerSampling(layers);
    return { modelId: model?.id ?? null, values, origins, revisions };
  }

  const scopeOf = async (ref: ModelRef | undefined) =>
    ref === undefined ? GATEWAY_SCOPE : (await requireModel(db, ref)).id;

  return {
    effective,

    async update(principal, input) {
      requireRole(principal, "ADMIN", "change sampling defaults");
      const change = parseSampling(input.sampling);
      await checkAgainstModel(options, input.model, change);
      return await append(
        principal,
        input,
        (_trx, _scope, current) => Promise.resolve(patch(current, change)),
      );
    },

    async revert(principal, input) {
      requireRole(principal, "ADMIN", "change sampling defaults");
      const { revision } = input;
      return await append(principal, input, async (trx, scope) => {
        if (revision === 0) return {};
        const earlier = await findRevision(trx, scope, revision);
        if (earlier !== undefined) return fromJson<SamplingInput>(earlier.values);
        throw new NotFoundError(`There is no revision ${revision} of these sampling defaults`, { revision });
      });
    },

    async history(args, ref) {
      const { first, after } = parsePage(REVISIONS, args);
      const scope = await scopeOf(ref);
      // One more to know whether there is more, which is also what the last of the page is compared with.
      const rows = await latestRevisions(db, scope, { first: first + 1, before: after });
      // Revisions are numbered without gaps.
      const totalCount = (await latestRevision(db, scope))?.revision ?? 0;
      const page = { rows: rows.slice(0, first), hasNextPage: rows.length > first, totalCount };
      const before = new Map(rows.map((row, index) => [row.id, rows[index + 1]]));
      return toPage(REVISIONS, page, (row) => row.revision, (row) => toRevision(row, before.get(row.id)));
    },

    async at(revision, ref) {
      const scope = await scopeOf(ref);
      const row = await findRevision(db, scope, revision);
      return row === undefined ? null : toRevision(row, await findRevision(db, scope, revision - 1));
    },

    async parameters(ref) {
      const model = ref === undefined ? null : await requireModel(db, ref);
      return describeParameters(await effective(ref), model?.served_context_length ?? null);
    },

    async *watch(ref, signal) {
      yield* changes.watch(await scopeOf(ref), {
        read: () => effective(ref),
        version: ({ revisions }) => revisions.map(({ id }) => id).join(),
      }, signal);
    },
  };
}

/** The defaults in force for a model (null: for none in particular), narrowest first. */
export async function samplingLayers(db: Db, model: ModelRow | null): Promise<{
  readonly layers: readonly SamplingLayer<SamplingOrigin>[];
  /** Gateway's first. */
  readonly revisions: readonly SamplingRevision[];
}> {
  const gateway = await currentRevision(db, GATEWAY_SCOPE);
  const own = model === null ? null : await currentRevision(db, model.id);
  const checkpoint = model === null ? {} : fromJson<SamplingInput>(model.checkpoint_sampling);
  return {
    layers: [
      { origin: "MODEL", values: own?.values ?? {} },
      { origin: "GATEWAY", values: gateway?.values ?? {} },
      { origin: "CHECKPOINT", values: checkpoint },
    ],
    revisions: [gateway, own].filter((revision) => revision !== null),
  };
}

/** Values replace, `null` removes, absent ones stay. */
function patch(current: SamplingInput, change: SamplingInput): SamplingInput {
  return Object.fromEntries(
    Object.entries({ ...current, ...change }).filter(([, value]) => value !== null),
  );
}

function parseReason(reason: string): string {
  const text = reason.trim();
  if (text !== "" && text.length <= MAX_REASON_LENGTH) return text;
  throw new ConfigError(
    `Cannot change sampling defaults: reason has ${text.length} characters, expected 1 … ${MAX_REASON_LENGTH}`,
    { field: "reason", found: text.length, allowed: `1 … ${MAX_REASON_LENGTH}` },
  );
}

function checkExpected(expected: number | undefined, current: SamplingRevisionRow | undefined): void {
  const found = current?.revision ?? 0;
  if (expected === undefined || expected === found) return;
  throw new ConflictError(
    `Cannot change sampling defaults: revision ${found} is in force, not ${expected}`,
    { field: "expectedRevision", expected, found },
  );
}

/** Somebody has written it without asking for its turn, as another version of this program may. */
function changedMeanwhile(revision: number): ConflictError {
  return new ConflictError(`Cannot change sampling defaults: revision ${revision} has just been made`, {
    field: "expectedRevision",
    found: revision,
  });
}

/** What a request of these values alone would be refused for. */
function checkTogether({ minTokens, maxTokens }: SamplingInput): void {
  if (typeof minTokens !== "number" || typeof maxTokens !== "number" || minTokens <= maxTokens) return;
  throw new ConfigError(
    `Invalid sampling parameter "minTokens": found ${minTokens}, expected at most maxTokens, which is ${maxTokens}`,
    { field: "minTokens", found: String(minTokens), allowed: `0 … ${maxTokens}` },
  );
}

/** As a request with these values would be checked by the model, or by any where none is meant. */
async function checkAgainstModel(
  { db, texts, checkConstraint }: SamplingDefaultOptions,
  ref: ModelRef | undefined,
  { constraint, stop, stopTokenIds, logitBias }: SamplingInput,
): Promise<void> {
  if (constraint) await checkConstraint(constraint);
  const ids = [...stopTokenIds ?? [], ...(logitBias ?? []).map(({ tokenId }) => tokenId)];
  const readsText = constraint || (stop ?? []).length > 0;
  if (ref === undefined || (ids.length === 0 && !readsText)) return;
  const { tokenizer, vocabSize } = await texts.open(await requireModel(db, ref));
  const field = constraint ? "constraint" : "stop";
  if (readsText && tokenizer === null) {
    throw new ConfigError(`Invalid sampling parameter "${field}": the model has no tokenizer`, { field });
  }
  const wrong = ids.find((id) => id >= vocabSize);
  if (wrong === undefined) return;
  throw new ConfigError(
    `Invalid sampling parameters: the model has no token ${wrong}, only 0 … ${vocabSize - 1}`,
    {
      field: stopTokenIds?.includes(wrong) ? "stopTokenIds" : "logitBias",
      found: wrong,
      allowed: `0 … ${vocabSize - 1}`,
    },
  );
}

async function currentRevision(db: Db, scope: string): Promise<SamplingRevision | null> {
  const [current, before] = await latestRevisions(db, scope, { first: 2 });
  return current === undefined ? null : toRevision(current, before);
}

function toRevision(row: SamplingRevisionRow, before: SamplingRevisionRow | undefined): SamplingRevision {
  const values = fromJson<SamplingInput>(row.values);
  return {
    id: row.id,
    modelId: row.scope === GATEWAY_SCOPE ? null : row.scope,
    revision: row.revision,
    values,
    changes: changesBetween(before === undefined ? {} : fromJson(before.values), values),
    author: row.author,
    reason: row.reason,
    createdAt: fromTime(row.created_at),
  };
}

function changesBetween(before: SamplingInput, after: SamplingInput): readonly SamplingChange[] {
  return SAMPLING_KEYS.flatMap((parameter) => {
    const [was, is] = [before[parameter] ?? undefined, after[parameter] ?? undefined];
    return toJson(was ?? null) === toJson(is ?? null) ? [] : [{ parameter, before: was, after: is }];
  });
}
