/** API keys: making, listing and revoking them. Admins only; the use cases see to that. */
import type { ApiKey, NewApiKey } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { AccessRoleEnum } from "./viewer.ts";

const ApiKeyObject = builder.objectRef<ApiKey>("ApiKey").implement({
  description: "A key to this gateway, without its secret.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "As in `viewer.id` and `SamplingRevision.author`; not a Node." }),
    prefix: t.exposeString("prefix", { description: "The part between the first two underscores." }),
    role: t.expose("role", { type: AccessRoleEnum }),
    label: t.exposeString("label"),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    revokedAt: t.expose("revokedAt", { type: "DateTime", nullable: true }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "From then on the key lets nobody in. Null: never.",
    }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description: "To within about a minute. Null: not yet.",
    }),
  }),
});

builder.queryField("apiKeys", (t) =>
  t.field({
    type: [ApiKeyObject],
    description: "Admins. Oldest first, revoked ones included.",
    resolve: async (_root, _args, { gateway, principal }) => [...await gateway.access.listKeys(principal)],
  }));

const CREATE_ERRORS = ["CONFIG", "FORBIDDEN", "CAPACITY"] as const;
const REVOKE_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;

const CreateApiKeyPayload = builder.objectRef<NewApiKey>("CreateApiKeyPayload").implement({
  fields: (t) => ({
    apiKey: t.expose("key", { type: ApiKeyObject }),
    secret: t.exposeString("secret", { description: "The whole key. Shown here and never again." }),
  }),
});
const CreateApiKeyResult = builder.unionType("CreateApiKeyResult", {
  types: [CreateApiKeyPayload, ...errorTypes(CREATE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "CreateApiKeyPayload"),
});
const RevokeApiKeyPayload = builder.objectRef<{ readonly revokedId: string }>("RevokeApiKeyPayload")
  .implement({ fields: (t) => ({ revokedId: t.exposeID("revokedId") }) });
const RevokeApiKeyResult = builder.unionType("RevokeApiKeyResult", {
  types: [RevokeApiKeyPayload, ...errorTypes(REVOKE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RevokeApiKeyPayload"),
});

const CreateApiKeyInput = builder.inputType("CreateApiKeyInput", {
  fields: (t) => ({
    role: t.field({ type: AccessRoleEnum, required: true }),
    label: t.string({ required: true, description: "For people, up to 100 characters." }),
    expiresAt: t.field({ type: "DateTime", description: "A time to come; never unless given." }),
  }),
});
const RevokeApiKeyInput = builder.inputType("RevokeApiKeyInput", {
  fields: (t) => ({ id: t.id({ required: true }) }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreateApiKeyResult,
    description: "Admins. A new key of any role.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(
        CREATE_ERRORS,
        () => gateway.access.createKey(principal, { ...input, expiresAt: input.expiresAt ?? null }),
      ),
  }),
  revokeApiKey: t.field({
    type: RevokeApiKeyResult,
    description: "Admins. From now on the key lets nobody in. What it made stays.",
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true }) },
    resolve: (_root, { input: { id } }, { gateway, principal }) =>
      expected(REVOKE_ERRORS, async () => {
        await gateway.access.revokeKey(principal, id);
        return { revokedId: id };
      }),
  }),
}));
