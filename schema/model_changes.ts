/** What admins do with models: register, load, unload, change, remove. */
import type { Model } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { ModelNode } from "./nodes.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";

const REGISTER_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const UPDATE_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const REMOVE_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;
const LOAD_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;
const UNLOAD_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;

interface ModelPayload {
  readonly model: Model;
}
function modelPayload(name: string) {
  return builder.objectRef<ModelPayload>(name).implement({
    fields: (t) => ({ model: t.expose("model", { type: ModelNode }) }),
  });
}

const RegisterModelPayload = modelPayload("RegisterModelPayload");
const RegisterModelResult = builder.unionType("RegisterModelResult", {
  types: [RegisterModelPayload, ...errorTypes(REGISTER_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RegisterModelPayload"),
});
const LoadModelPayload = modelPayload("LoadModelPayload");
const LoadModelResult = builder.unionType("LoadModelResult", {
  types: [LoadModelPayload, ...errorTypes(LOAD_ERRORS)],
  resolveType: (value) => resultTypeName(value, "LoadModelPayload"),
});
const UnloadModelPayload = modelPayload("UnloadModelPayload");
const UnloadModelResult = builder.unionType("UnloadModelResult", {
  types: [UnloadModelPayload, ...errorTypes(UNLOAD_ERRORS)],
  resolveType: (value) => resultTypeName(value, "UnloadModelPayload"),
});

const UpdateModelPayload = modelPayload("UpdateModelPayload");
const UpdateModelResult = builder.unionType("UpdateModelResult", {
  types: [UpdateModelPayload, ...errorTypes(UPDATE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "UpdateModelPayload"),
});
const RemoveModelPayload = modelPayload("RemoveModelPayload");
const RemoveModelResult = builder.unionType("RemoveModelResult", {
  types: [RemoveModelPayload, ...errorTypes(REMOVE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RemoveModelPayload"),
});

const RegisterModelInput = builder.inputType("RegisterModelInput", {
  fields: (t) => ({
    path: t.string({ required: true, description: "A checkpoint folder on the gateway's machine." }),
    name: t.string({ description: "Taken from the folder unless given." }),
    description: t.string({ description: "Markdown." }),
  }),
});
const LoadModelInput = builder.inputType("LoadModelInput", {
  fields: (t) => ({ model: t.field({ type: ModelRefInput, required: true }) }),
});
const UpdateModelInput = builder.inputType("UpdateModelInput", {
  description: "What is absent stays as it is.",
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, required: true }),
    description: t.string({ description: "Markdown." }),
    keepAliveSeconds: t.int({
      description: "How long it stays on the device unused; null: the gateway's setting, -1: for ever.",
    }),
    pinned: t.boolean({ description: "Once on the device, it stays there." }),
  }),
});
const RemoveModelInput = builder.inputType("RemoveModelInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, required: true }),
    deleteFiles: t.boolean({
      defaultValue: false,
      description:
        "Also delete its folder, only where that lies in the gateway's own library, and what an unfinished " +
        "pull of its name has left there.",
    }),
  }),
});
const UnloadModelInput = builder.inputType("UnloadModelInput", {
  fields: (t) => ({ model: t.field({ type: ModelRefInput, required: true }) }),
});

builder.mutationFields((t) => ({
  registerModel: t.field({
    type: RegisterModelResult,
    description:
      "Admins. Hashes the folder's files and serves it; the same folder and content register once.",
    args: { input: t.arg({ type: RegisterModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(REGISTER_ERRORS, async () => ({
        model: await gateway.models.register(principal, {
          path: input.path,
          ...(input.name != null ? { name: input.name } : {}),
          ...(input.description != null ? { description: input.description } : {}),
        }),
      })),
  }),
  loadModel: t.field({
    type: LoadModelResult,
    description: "Admins. Brings a model's weights to the device; answers once it is warm.",
    args: { input: t.arg({ type: LoadModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(LOAD_ERRORS, async () => ({
        model: await gateway.models.load(principal, toModelRef(input.model)),
      })),
  }),
  unloadModel: t.field({
    type: UnloadModelResult,
    description: "Admins. Frees the device; generations in progress end first.",
    args: { input: t.arg({ type: UnloadModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(UNLOAD_ERRORS, async () => ({
        model: await gateway.models.unload(principal, toModelRef(input.model)),
      })),
  }),
  updateModel: t.field({
    type: UpdateModelResult,
    description: "Admins. What an operator decides about a model.",
    args: { input: t.arg({ type: UpdateModelInput, required: true }) },
    resolve: (_root, { input: { model, description, keepAliveSeconds, pinned } }, { gateway, principal }) =>
      expected(UPDATE_ERRORS, async () => ({
        model: await gateway.models.update(principal, toModelRef(model), {
          ...(description != null ? { description } : {}),
          ...(keepAliveSeconds !== undefined ? { keepAliveSeconds } : {}),
          ...(pinned != null ? { isPinned: pinned } : {}),
        }),
      })),
  }),
  removeModel: t.field({
    type: RemoveModelResult,
    description:
      "Admins. Takes a model off the device and out of the registry; refused while a generation uses it. A model of " +
      "the catalogue loses its weights first, and goes when it has none.",
    args: { input: t.arg({ type: RemoveModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(REMOVE_ERRORS, async () => ({
        model: await gateway.models.remove(principal, toModelRef(input.model), {
          deleteFiles: input.deleteFiles ?? false,
        }),
      })),
  }),
}));
