import type { ModelRef } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { requireId } from "./ids.ts";

export const ModelRefInput = builder.inputType("ModelRef", {
  description: "Names a model: exactly one of these.",
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: "Global id." }),
    name: t.string({ description: 'Like "osanseviero/mistral-instruct-slerp".' }),
  }),
});
type ModelRefShape = typeof ModelRefInput.$inferInput;

/** Throws NotFoundError on a malformed id. */
export function toModelRef(ref: ModelRefShape): ModelRef {
  return ref.id != null ? { id: requireId("Model", ref.id) } : { name: ref.name! };
}
