/** What happens to models, as it is now: no log stands behind it. */
import type { ModelEvent } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { modelLoader } from "./loaders.ts";
import { ResidencyObject } from "./models.ts";
import { ModelNode } from "./nodes.ts";

const ModelNewsEnum = builder.enumType("ModelNews", {
  values: {
    INITIAL: { description: "How it is; sent once, before anything else of it." },
    RESIDENCY: { description: "Its residency has another state." },
    PROGRESS: { description: "Its load goes on." },
    REGISTERED: { description: "It is new, or its weights are." },
    UPDATED: { description: "Something else about it has changed." },
    REMOVED: { description: "It is no longer offered." },
    HEARTBEAT: {
      description:
        "Nothing has happened for a while, and the stream is alive. Only where `heartbeatSeconds` asks for it; " +
        "`model` and `residency` are those of the last event, as they are now, and without one null and `COLD`.",
    },
  } as const,
});

/** What a subscription shows: events, and signs of life where it asks for them. */
export type WatchedModelEvent = Omit<ModelEvent, "news"> & {
  readonly news: ModelEvent["news"] | "HEARTBEAT";
};

export const ModelEventObject = builder.objectRef<WatchedModelEvent>("ModelEvent").implement({
  description: "Something that happened to a model.",
  fields: (t) => ({
    news: t.expose("news", {
      type: ModelNewsEnum,
      description: "The latest; what came before it may be skipped.",
    }),
    at: t.expose("at", { type: "DateTime" }),
    residency: t.expose("residency", { type: ResidencyObject, description: "At that moment." }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      resolve: ({ modelId }, _args, context) => {
        if (modelId === "") return null;
        const loader = modelLoader(context).clear(modelId); // one context sees many events
        return loader.load(modelId);
      },
    }),
  }),
});
