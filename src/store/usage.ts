/** What was used, by UTC day, principal and model: sums that only grow, each in the transaction that ends a generation. */
import type { Selectable } from "kysely";
import type { Db, UsageDaysTable } from "./database.ts";
import { type RowPage, toRowPage } from "./page.ts";

export type UsageDayRow = Selectable<UsageDaysTable>;

const SUMS = [
  "generation_count",
  "prompt_tokens",
  "cached_tokens",
  "completion_tokens",
  "engine_ms",
] as const;

/** One more generation's usage. */
export async function addUsage(
  trx: Db,
  row: Omit<UsageDayRow, "generation_count">,
): Promise<void> {
  await trx.insertInto("usage_days").values({ ...row, generation_count: 1 })
    .onConflict((conflict) =>
      conflict.columns(["day", "principal_id", "model_id"]).doUpdateSet((e) =>
        Object.fromEntries(
          SUMS.map((name) => [name, e(`usage_days.${name}`, "+", e.ref(`excluded.${name}`))]),
        )
      )
    ).execute();
}

export interface UsageRowFilter {
  readonly principalId?: string;
  readonly modelId?: string;
  /** First and last day, as `2026-01-31`. */
  readonly from: string;
  readonly to: string;
}
export type UsageRowKey = readonly [day: string, principalId: string, modelId: string];

/** The newest day first, then by principal and model. */
export async function listUsage(
  db: Db,
  where: UsageRowFilter,
  page: { readonly first: number; readonly after?: UsageRowKey },
): Promise<RowPage<UsageDayRow>> {
  const { principalId, modelId, from, to } = where;
  const filtered = db.selectFrom("usage_days").where("day", ">=", from).where("day", "<=", to)
    .$if(principalId !== undefined, (q) => q.where("principal_id", "=", principalId!))
    .$if(modelId !== undefined, (q) => q.where("model_id", "=", modelId!));
  const rows = await filtered.selectAll()
    .$if(page.after !== undefined, (q) =>
      q.where((e) => {
        const [day, principal, model] = page.after!;
        return e.or([
          e("day", "<", day),
          e.and([e("day", "=", day), e("principal_id", ">", principal)]),
          e.and([e("day", "=", day), e("principal_id", "=", principal), e("model_id", ">", model)]),
        ]);
      }))
    .orderBy("day", "desc").orderBy("principal_id").orderBy("model_id")
    .limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}
