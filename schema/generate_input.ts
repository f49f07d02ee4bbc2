/** The input that `generate` and `startGeneration` share, and its way to the use case. */
import type { DisconnectPolicy, GenerateInput, PromptSource } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { MessageRoleEnum } from "./enums.ts";
import { requireId } from "./ids.ts";
import { ModelRefInput, toModelRef } from "./models.ts";
import { SamplingInputType } from "./sampling.ts";

export const DisconnectPolicyEnum = builder.enumType("DisconnectPolicy", {
  description: "What happens to a generation when its last watcher goes away.",
  values: {
    CONTINUE: { description: "It runs on. Default of `startGeneration`." },
    CANCEL: { description: "It is cancelled. Default of `generate`." },
  } as const,
});

const MessageInput = builder.inputType("MessageInput", {
  fields: (t) => ({
    role: t.field({ type: MessageRoleEnum, required: true }),
    content: t.string({ required: true }),
  }),
});

const PromptSourceInput = builder.inputType("PromptSource", {
  description: "Exactly one of these.",
  isOneOf: true,
  fields: (t) => ({
    text: t.string({ description: "What the user says; the model's chat template is applied." }),
    messages: t.field({
      type: [MessageInput],
      description: "A conversation; the model's chat template is applied.",
    }),
    raw: t.string({ description: "A text to continue as it stands, without the chat template." }),
    tokenIds: t.intList({ description: "The whole prompt as token ids; nothing is added." }),
  }),
});

export const GenerateInputType = builder.inputType("GenerateInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, required: true }),
    sessionId: t.id({ description: "Continue this session, and keep prompt and answer in it." }),
    prompt: t.field({ type: PromptSourceInput, required: true }),
    sampling: t.field({ type: SamplingInputType }),
    idempotencyKey: t.string({
      description: "The same key answers with the generation that was started first, instead of another one.",
    }),
    onDisconnect: t.field({ type: DisconnectPolicyEnum }),
  }),
});

/** Throws NotFoundError on malformed ids. */
export function toGenerateInput(
  input: typeof GenerateInputType.$inferInput,
  onDisconnect: DisconnectPolicy,
): GenerateInput {
  return {
    model: toModelRef(input.model),
    prompt: toPrompt(input.prompt),
    onDisconnect: input.onDisconnect ?? onDisconnect,
    ...(input.sessionId != null ? { sessionId: requireId("Session", input.sessionId) } : {}),
    ...(input.sampling != null ? { sampling: input.sampling } : {}),
    ...(input.idempotencyKey != null ? { idempotencyKey: input.idempotencyKey } : {}),
  };
}

function toPrompt({ text, messages, raw, tokenIds }: typeof PromptSourceInput.$inferInput): PromptSource {
  if (text != null) return { text };
  if (raw != null) return { raw };
  if (messages != null) return { messages };
  return { tokenIds: tokenIds! };
}
