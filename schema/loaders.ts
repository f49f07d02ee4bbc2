/**
 * Batched lookups per operation: a page of sessions or messages asks the store once for each kind of thing. Only models are
 * remembered as well; of what an operation changes itself, its next field must see the change.
 */
import { createContextCache } from "@pothos/core";
import DataLoader from "dataloader";
import type { RequestContext } from "../src/app/request.ts";
import type { Generation, Junction, Model, Session, SessionMessage } from "../src/app/types.ts";

const MAX_BATCH_SIZE = 100;
const BATCHED = { maxBatchSize: MAX_BATCH_SIZE, cache: false } as const;

export const modelLoader = createContextCache((context: RequestContext) =>
  new DataLoader<string, Model | null>((ids) => context.gateway.models.getMany(ids), {
    maxBatchSize: MAX_BATCH_SIZE,
  })
);

export const sessionLoader = createContextCache(({ gateway, principal }: RequestContext) =>
  new DataLoader<string, Session | null>((ids) => gateway.sessions.getMany(principal, ids), BATCHED)
);

export const messageLoader = createContextCache(({ gateway, principal }: RequestContext) =>
  new DataLoader<string, SessionMessage | null>(
    (ids) => gateway.sessions.getMessages(principal, ids),
    BATCHED,
  )
);

/** What follows a message, or begins a session. */
export const branchLoader = createContextCache(({ gateway, principal }: RequestContext) =>
  new DataLoader<Junction, readonly SessionMessage[]>(
    (junctions) => gateway.sessions.branches(principal, junctions),
    BATCHED,
  )
);

export const generationLoader = createContextCache(({ gateway, principal }: RequestContext) =>
  new DataLoader<string, Generation | null>((ids) => gateway.generations.getMany(principal, ids), BATCHED)
);

/** The generation that a session waits for. */
export const openGenerationLoader = createContextCache(({ gateway, principal }: RequestContext) =>
  new DataLoader<string, Generation | null>(
    (ids) => gateway.generations.openOfSessions(principal, ids),
    BATCHED,
  )
);
