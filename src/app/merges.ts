/**
 * Merges as they are recorded, tensor by tensor. Open to everybody who was let in: where a model comes from is no
 * secret. Running one is src/app/run_merge.ts.
 */
import { NotFoundError } from "../errors.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/merges.ts";
import { toMerge, toMergeTensor } from "./merge_rows.ts";
import { numberKeyset, parsePage, toPage } from "./paging.ts";
import type { MergeUseCases } from "./types.ts";

const TENSORS = numberKeyset("merge tensors");

/** The merge use cases over the store. */
export function createMerges(db: Db): MergeUseCases {
  return {
    async get(id) {
      const row = await store.findMerge(db, id);
      if (row === undefined) return null;
      return toMerge(row, await store.mergeSources(db, id), await store.modelIdOfMerge(db, id));
    },

    async tensors(mergeId, args, where = {}) {
      const { first, after } = parsePage(TENSORS, args);
      if (await store.findMerge(db, mergeId) === undefined) {
        throw new NotFoundError(`No merge "${mergeId}"`, { id: mergeId });
      }
      const page = { first, ...(after === undefined ? {} : { afterOrdinal: after }) };
      const rows = await store.listMergeTensors(db, mergeId, where, page);
      return toPage(TENSORS, rows, (row) => row.ordinal, toMergeTensor);
    },
  };
}
