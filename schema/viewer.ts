/** Who is asking. */
import type { Principal } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { toPeriod, USAGE_FROM, USAGE_TO, UsageDayObject } from "./usage.ts";

export const AccessRoleEnum = builder.enumType("AccessRole", {
  description: "What a key may do.",
  values: {
    VIEWER: { description: "Read models and merges." },
    GENERATOR: { description: "Also generate, and keep sessions." },
    ADMIN: { description: "Also change models and defaults." },
  } as const,
});

const ViewerObject = builder.objectRef<Principal>("Viewer").implement({
  description: "You.",
  fields: (t) => ({
    id: t.exposeString("id", { description: 'Id of the key, or "anonymous".' }),
    role: t.expose("role", { type: AccessRoleEnum }),
    concurrencyUnitsHeld: t.int({
      description: "By your generations that run now; see `concurrencyCost` of a model.",
      resolve: async (principal, _args, { gateway }) =>
        (await gateway.generations.concurrency(principal)).held,
    }),
    concurrencyUnitsAllowed: t.int({
      description: "Above these, generations wait for their turn.",
      resolve: async (principal, _args, { gateway }) =>
        (await gateway.generations.concurrency(principal)).allowed,
    }),
    generationsQueued: t.int({
      description: "Your generations that wait for units. Their queue is bounded: beyond it, `CAPACITY`.",
      resolve: async (principal, _args, { gateway }) =>
        (await gateway.generations.concurrency(principal)).queued,
    }),
    usage: t.field({
      type: [UsageDayObject],
      description: "Yours, the newest day first.",
      args: {
        from: t.arg.string({ description: USAGE_FROM }),
        to: t.arg.string({ description: USAGE_TO }),
      },
      resolve: async (principal, args, { gateway }) => [
        ...await gateway.usage.mine(principal, toPeriod(args)),
      ],
    }),
  }),
});

builder.queryField(
  "viewer",
  (t) => t.field({ type: ViewerObject, resolve: (_root, _args, { principal }) => principal }),
);
