/** What happens to models, as a stream that begins with how they are and ends when its reader leaves. */
import { NotFoundError } from "../errors.ts";
import type { Db } from "../store/database.ts";
import { allModels, findModel } from "../store/models.ts";
import type { Clock } from "./clock.ts";
import { LatestStream } from "./events/latest_stream.ts";
import type { ResidencyBoard } from "./residency.ts";
import type { ModelEvent, ModelRef } from "./types.ts";

export interface ModelEventOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly board: ResidencyBoard;
}

/** Of one model, or of all for null. Its first read rejects with NotFoundError where there is no such model. */
export function modelEvents(
  { db, clock, board }: ModelEventOptions,
  ref: ModelRef | null,
  signal: AbortSignal | undefined,
): AsyncIterable<ModelEvent> {
  let watched: string | null = null;
  const isWanted = (modelId: string) => ref === null || modelId === watched;
  const at = () => clock.now();
  return new LatestStream<ModelEvent>({
    isWanted,
    // A reader learns of each model by its INITIAL, whatever happens in that moment.
    beginWith: (_first, news) => news.news === "REMOVED" ? news : { ...news, news: "INITIAL" },
    begin: async () => {
      const rows = ref === null ? await allModels(db) : [await findModel(db, ref)];
      return rows.map((row) => {
        if (row === undefined) throw new NotFoundError("No such model to watch", { ...ref });
        if (ref !== null) watched = row.id;
        return [row.id, { modelId: row.id, news: "INITIAL", residency: board.get(row.id), at: at() }];
      });
    },
    subscribe: (push) =>
      board.subscribe((modelId, residency, news) => {
        // Until it is known whose id it is, the latest of every model is kept.
        if (watched === null || isWanted(modelId)) push(modelId, { modelId, news, residency, at: at() });
      }),
  }, signal);
}
