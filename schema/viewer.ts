/** Who is asking. */
import type { Principal } from "../src/app/types.ts";
import { builder } from "./builder.ts";

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
      description: "By your generations that run or wait now; see `concurrencyCost` of a model.",
      resolve: (principal, _args, { gateway }) => gateway.generations.concurrency(principal).held,
    }),
    concurrencyUnitsAllowed: t.int({
      description: "Above these, a generation is refused with `CAPACITY`.",
      resolve: (principal, _args, { gateway }) => gateway.generations.concurrency(principal).allowed,
    }),
  }),
});

builder.queryField(
  "viewer",
  (t) => t.field({ type: ViewerObject, resolve: (_root, _args, { principal }) => principal }),
);
