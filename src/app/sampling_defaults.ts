/**
 * Sampling defaults that admins set, for a model or for the whole gateway. Every change is a new revision with author
 * and reason; none is ever edited, and a generation names the revisions it was started under.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { fromJson, fromTime, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import type { ModelRow } from "../store/models.ts";
import {
  findRevision,
  GATEWAY_SCOPE,
  insertRevision,
  latestRevision,
  listRevisions,
  type SamplingRevisionRow,
} from "../store/sampling_revisions.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import { requireModel } from "./models.ts";
import { requireRole } from "./roles.ts";
import { layerSampling, parseSampling, type SamplingLayer } from "./sampling.ts";
import type {
  ModelRef,
  Principal,
  SamplingDefaultUseCases,
  SamplingInput,
  SamplingOrigin,
  SamplingRevision,
} from "./types.ts";

const MAX_REASON_LENGTH = 1000;

export interface SamplingDefaultOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** The use cases over the store. */
export function createSamplingDefaults({ db, clock, ids }: SamplingDefaultOptions): SamplingDefaultUseCases {
  /** The next revision of a scope, made from the current one's values. */
  async function append(
    author: Principal,
    input: { readonly model?: ModelRef; readonly reason: string },
    next: (trx: Db, scope: string, current: SamplingInput) => Promise<SamplingInput>,
  ): Promise<SamplingRevision> {
    const reason = parseReason(input.reason);
    return await db.transaction().execute(async (trx) => {
      const scope = input.model === undefined ? GATEWAY_SCOPE : (await requireModel(trx, input.model)).id;
      const current = await latestRevision(trx, scope);
      const row: SamplingRevisionRow = {
        id: ids(),
        scope,
        revision: (current?.revision ?? 0) + 1,
        values: toJson(await next(trx, scope, current === undefined ? {} : fromJson(current.values))),
        author: author.id,
        reason,
        created_at: toTime(clock.now()),
      };
      await insertRevision(trx, row);
      return toRevision(row);
    });
  }

  return {
    async effective(ref) {
      const model = ref === undefined ? null : await requireModel(db, ref);
      const { layers, revisions } = await samplingLayers(db, model);
      const { values, origins } = layerSampling(layers);
      return { modelId: model?.id ?? null, values, origins, revisions };
    },

    async update(principal, input) {
      requireRole(principal, "ADMIN", "change sampling defaults");
      const change = parseSampling(input.sampling);
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

    async history(ref) {
      const scope = ref === undefined ? GATEWAY_SCOPE : (await requireModel(db, ref)).id;
      return (await listRevisions(db, scope)).map(toRevision);
    },
  };
}

/** The defaults in force for a model (null: for none in particular), narrowest first. */
export async function samplingLayers(db: Db, model: ModelRow | null): Promise<{
  readonly layers: readonly SamplingLayer<SamplingOrigin>[];
  /** Gateway's first. */
  readonly revisions: readonly SamplingRevision[];
}> {
  const gateway = toRevisionOrNull(await latestRevision(db, GATEWAY_SCOPE));
  const own = model === null ? null : toRevisionOrNull(await latestRevision(db, model.id));
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

function toRevisionOrNull(row: SamplingRevisionRow | undefined): SamplingRevision | null {
  return row === undefined ? null : toRevision(row);
}

function toRevision(row: SamplingRevisionRow): SamplingRevision {
  return {
    id: row.id,
    modelId: row.scope === GATEWAY_SCOPE ? null : row.scope,
    revision: row.revision,
    values: fromJson(row.values),
    author: row.author,
    reason: row.reason,
    createdAt: fromTime(row.created_at),
  };
}
