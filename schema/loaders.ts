/** One batched, cached model lookup per operation: a page of sessions asks the store once. */
import { createContextCache } from "@pothos/core";
import DataLoader from "dataloader";
import type { RequestContext } from "../src/app/request.ts";
import type { Model } from "../src/app/types.ts";

const MAX_BATCH_SIZE = 100;

export const modelLoader = createContextCache((context: RequestContext) =>
  new DataLoader<string, Model | null>((ids) => context.gateway.models.getMany(ids), {
    maxBatchSize: MAX_BATCH_SIZE,
  })
);
