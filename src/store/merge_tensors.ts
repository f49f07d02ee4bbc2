/**
 * Pages of a merge's tensors, filtered and sorted. The order of the merge plan breaks ties, so that every order is total
 * and a page continues exactly behind its cursor; rows without the sorted value come last in either direction.
 */
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from "kysely";
import type { Database, Db } from "./database.ts";
import type { MergeTensorRow } from "./merges.ts";
import { contains, type RowPage, toRowPage } from "./page.ts";

export interface TensorFilter {
  readonly layer?: number;
  readonly filter?: string;
  readonly mode?: string;
  readonly nameContains?: string;
  readonly tMin?: number;
  readonly tMax?: number;
}
export interface TensorOrder {
  readonly column: "ordinal" | "name" | "layer" | "t" | "cosine";
  readonly direction: "asc" | "desc";
}
/** Where a page begins: behind the row with this value (null: none) and this ordinal. */
export interface TensorCursor {
  readonly value: string | number | null;
  readonly ordinal: number;
}

/** Tensors without a t (copies) never match a bound on t. */
export async function listMergeTensors(
  db: Db,
  mergeId: string,
  query: {
    readonly where: TensorFilter;
    readonly order: TensorOrder;
    readonly first: number;
    readonly after?: TensorCursor;
  },
): Promise<RowPage<MergeTensorRow>> {
  const { where, order, first, after } = query;
  const filtered = db.selectFrom("merge_tensors").where("merge_id", "=", mergeId)
    .$if(where.layer !== undefined, (q) => q.where("layer", "=", where.layer!))
    .$if(where.filter !== undefined, (q) => q.where("filter", "=", where.filter!))
    .$if(where.mode !== undefined, (q) => q.where("mode", "=", where.mode!))
    .$if(
      where.nameContains !== undefined,
      (q) => q.where((e) => contains(e.ref("name"), where.nameContains!)),
    )
    .$if(where.tMin !== undefined, (q) => q.where("t", ">=", where.tMin!))
    .$if(where.tMax !== undefined, (q) => q.where("t", "<=", where.tMax!));
  const rows = await filtered.selectAll()
    .$if(after !== undefined, (q) => q.where((e) => behind(e, order, after!)))
    .orderBy((e) => e.case().when(order.column, "is", null).then(1).else(0).end())
    .orderBy(order.column, order.direction).orderBy("ordinal")
    .limit(first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, first, total.count);
}

function behind(
  e: ExpressionBuilder<Database, "merge_tensors">,
  { column, direction }: TensorOrder,
  { value, ordinal }: TensorCursor,
): ExpressionWrapper<Database, "merge_tensors", SqlBool> {
  if (value === null) return e.and([e(column, "is", null), e("ordinal", ">", ordinal)]);
  return e.or([
    e(column, direction === "asc" ? ">" : "<", value),
    e.and([e(column, "=", value), e("ordinal", ">", ordinal)]),
    e(column, "is", null),
  ]);
}
