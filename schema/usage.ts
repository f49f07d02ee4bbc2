/** Usage by day: everybody's own through `viewer`, all of it for admins. */
import type { UsageDay, UsagePeriod } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { modelLoader } from "./loaders.ts";
import { ModelNode } from "./nodes.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";

export const USAGE_FROM = "First day, in UTC, as in `2026-01-31`; 30 days ago unless given.";
export const USAGE_TO = "Last day, in UTC, as in `2026-01-31`; today unless given.";

export const UsageDayObject = builder.objectRef<UsageDay>("UsageDay").implement({
  description:
    "What the engine has done for a principal's generations of one model that ended on one day, whether they finished, " +
    "failed or were cancelled.",
  fields: (t) => ({
    day: t.exposeString("day", { description: "In UTC, as in `2026-01-31`." }),
    principalId: t.exposeString("principalId", { description: 'Id of the key, or "anonymous".' }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "Null where it is gone.",
      resolve: ({ modelId }, _args, context) => modelLoader(context).load(modelId),
    }),
    generations: t.expose("generations", { type: "BigInt" }),
    promptTokens: t.expose("promptTokens", { type: "BigInt" }),
    cachedTokens: t.expose("cachedTokens", {
      type: "BigInt",
      description: "Of the prompts, taken from the KV cache.",
    }),
    completionTokens: t.expose("completionTokens", { type: "BigInt" }),
    engineMs: t.expose("engineMs", {
      type: "BigInt",
      description:
        "Milliseconds from an engine's beginning with them to their ends; those in one batch overlap.",
    }),
  }),
});

const UsageDayConnection = builder.connectionObject({ type: UsageDayObject, name: "UsageDayConnection" }, {
  name: "UsageDayEdge",
});

const UsageFilterInput = builder.inputType("UsageFilter", {
  fields: (t) => ({
    principalId: t.string(),
    model: t.field({ type: ModelRefInput }),
    from: t.string({ description: USAGE_FROM }),
    to: t.string({ description: USAGE_TO }),
  }),
});

/** Drops what was not given. */
export function toPeriod(
  { from, to }: { readonly from?: string | null | undefined; readonly to?: string | null | undefined },
): UsagePeriod {
  return { ...(from != null && { from }), ...(to != null && { to }) };
}

builder.queryField("usage", (t) =>
  t.field({
    type: UsageDayConnection,
    description: "Admins. Everybody's, the newest day first.",
    args: { ...FORWARD_ARGS, where: t.arg({ type: UsageFilterInput }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway, principal }) => {
      const { principalId, model, ...period } = args.where ?? {};
      const filter = {
        ...toPeriod(period),
        ...(principalId != null && { principalId }),
        ...(model != null && { model: toModelRef(model) }),
      };
      return toConnection(await gateway.usage.list(principal, toPageArgs(args), filter), args);
    },
  }));
