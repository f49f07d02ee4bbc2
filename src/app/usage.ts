/**
 * Usage by UTC day, principal and model. It is counted in the transaction that ends a generation, however that ends, so
 * it is neither lost with a connection nor counted twice; what a killed process had logged is counted when its
 * generations are closed.
 */
import { ConfigError } from "../errors.ts";
import { toBigInt, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/usage.ts";
import type { Clock } from "./clock.ts";
import { isDay } from "./day.ts";
import type { SharedChange } from "./events/log_writer.ts";
import { requireModel } from "./models.ts";
import { type Keyset, parsePage, toPage } from "./paging.ts";
import { requireRole } from "./roles.ts";
import type { Usage, UsageDay, UsagePeriod, UsageUseCases } from "./types.ts";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_OWN_ROWS = 1_000;

/** What one ended generation adds to its day: to a row that is all gateways', so it comes last in its transaction. */
export function usageChange(
  { at, principalId, modelId, usage, engineMs }: {
    readonly at: Date;
    readonly principalId: string;
    readonly modelId: string;
    readonly usage: Usage;
    readonly engineMs: number;
  },
): SharedChange {
  const day = dayOf(at);
  const key = { day, principal_id: principalId, model_id: modelId };
  return {
    key: toJson(key),
    write: (trx) =>
      store.addUsage(trx, {
        ...key,
        prompt_tokens: usage.promptTokens,
        cached_tokens: usage.cachedTokens,
        completion_tokens: usage.completionTokens,
        engine_ms: Math.max(0, Math.round(engineMs)),
      }),
  };
}

/** The usage use cases over the store. */
export function createUsage({ db, clock }: { readonly db: Db; readonly clock: Clock }): UsageUseCases {
  return {
    async mine({ id }, period) {
      const where = { principalId: id, ...parsePeriod(clock, period) };
      return (await store.listUsage(db, where, { first: MAX_OWN_ROWS })).rows.map(toUsageDay);
    },
    async list(principal, args, where = {}) {
      requireRole(principal, "ADMIN", "see everybody's usage");
      const { first, after } = parsePage(USAGE, args);
      const { principalId, model, ...period } = where;
      const filter = {
        ...parsePeriod(clock, period),
        ...(principalId !== undefined && { principalId }),
        ...(model !== undefined && { modelId: (await requireModel(db, model)).id }),
      };
      const rows = await store.listUsage(db, filter, { first, ...(after !== undefined && { after }) });
      return toPage(
        USAGE,
        rows,
        (row): store.UsageRowKey => [row.day, row.principal_id, row.model_id],
        toUsageDay,
      );
    },
  };
}

const USAGE: Keyset<store.UsageRowKey> = {
  list: "usage",
  isKey: (value): value is store.UsageRowKey =>
    Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === "string"),
};

function parsePeriod(
  clock: Clock,
  { from, to }: UsagePeriod,
): { readonly from: string; readonly to: string } {
  const today = clock.now();
  const first = new Date(today.getTime() - (DEFAULT_DAYS - 1) * DAY_MS);
  return {
    from: from === undefined ? dayOf(first) : parseDay("from", from),
    to: to === undefined ? dayOf(today) : parseDay("to", to),
  };
}

function parseDay(field: string, text: string): string {
  if (isDay(text)) return text;
  throw new ConfigError(
    `Cannot read usage: ${field} is ${JSON.stringify(text.slice(0, 40))}, expected a day as in 2026-01-31`,
    {
      field,
    },
  );
}

function dayOf(date: Date): string {
  return toTime(date).slice(0, 10);
}

function toUsageDay(row: store.UsageDayRow): UsageDay {
  return {
    day: row.day,
    principalId: row.principal_id,
    modelId: row.model_id,
    generations: toBigInt(row.generation_count),
    promptTokens: toBigInt(row.prompt_tokens),
    cachedTokens: toBigInt(row.cached_tokens),
    completionTokens: toBigInt(row.completion_tokens),
    engineMs: toBigInt(row.engine_ms),
  };
}
