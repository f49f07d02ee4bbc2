/** The input that `generate` and `startGeneration` share, and its way to the use case. */
import type { DisconnectPolicy, GenerateInput, GenerateOptions } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { MessageRoleEnum } from "./enums.ts";
import { requireId } from "./ids.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";
import { SamplingInputType } from "./sampling.ts";

export const DisconnectPolicyEnum = builder.enumType("DisconnectPolicy", {
  description: "What happens to a generation that whoever started it does not watch, or not any more.",
  values: {
    CONTINUE: { description: "It runs on. Default of `startGeneration`." },
    CANCEL: {
      description:
        "It is cancelled `disconnectGraceMs` after the last of its watchers has left, unless one is back by then. Also " +
        "cancelled, queued or running, is one that nobody has begun to watch within that time after its start, 5 seconds at " +
        "least. A subscription watches, at whichever gateway; a query does not. Default of `generate`.",
    },
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
    messageId: t.id({
      description: "A question of the session, or its answer: it is asked again, and both answers stay.",
    }),
  }),
});

export const ContextPolicyEnum = builder.enumType("ContextPolicy", {
  description: "What happens when a conversation is longer than the model's context.",
  values: {
    REFUSE: { description: "The request is refused with the figures." },
    DROP_OLDEST: {
      description:
        "The oldest turns are left out until there is room for `maxTokens`, or half the context where that is " +
        "less. The system prompt and the last question stay; `ContextTrimmed` tells how much is missing.",
    },
  } as const,
});

const PRIORITY =
  "Higher is served first, among all who wait for the engine; 0 unless given. -10 to 0: anybody may step back, and only " +
  "an admin ahead, up to 10. Waiting raises it.";
const DEADLINE =
  "For the whole generation from now on, waiting and loading included, up to a day. Then it fails with `DEADLINE`.";

export const GenerateInputType = builder.inputType("GenerateInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, required: true }),
    sessionId: t.id({ description: "Continue this session, and keep prompt and answer in it." }),
    prompt: t.field({ type: PromptSourceInput, required: true }),
    parentMessageId: t.id({
      description:
        "Continue the session from this answer (or its system prompt), in a branch beside what follows it already. " +
        "Otherwise the current branch goes on.",
    }),
    replacesMessageId: t.id({
      description: "The prompt takes the place of this question, in a branch of its own; the old one stays.",
    }),
    contextPolicy: t.field({
      type: ContextPolicyEnum,
      description: "The session's unless given; REFUSE without one.",
    }),
    priority: t.int({ description: PRIORITY }),
    deadlineSeconds: t.float({ description: DEADLINE }),
    sampling: t.field({ type: SamplingInputType }),
    idempotencyKey: t.string({
      description:
        "The same key answers with the generation that was started first, instead of another one; with " +
        "another model, prompt, session or sampling it is refused. With CANCEL that one waits anew to be watched.",
    }),
    onDisconnect: t.field({ type: DisconnectPolicyEnum }),
    disconnectGraceMs: t.int({
      description:
        "With CANCEL: how long it waits for a watcher to come back, from 0 to an hour, and for the first one to come, but " +
        "then 5 seconds at least. Unless given the gateway's own setting, which is 5 seconds unless told otherwise.",
    }),
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
    ...toGenerateOptions(input),
    onDisconnect: input.onDisconnect ?? onDisconnect,
    ...(input.disconnectGraceMs != null ? { disconnectGraceMs: input.disconnectGraceMs } : {}),
    ...(input.sessionId != null ? { sessionId: requireId("Session", input.sessionId) } : {}),
    ...(input.parentMessageId != null ? { parentMessageId: input.parentMessageId } : {}),
    ...(input.replacesMessageId != null ? { replacesMessageId: input.replacesMessageId } : {}),
  };
}

export const RegenerateInput = builder.inputType("RegenerateInput", {
  fields: (t) => ({
    messageId: t.id({
      required: true,
      description: "A question, or the answer that another one is wanted for.",
    }),
    contextPolicy: t.field({ type: ContextPolicyEnum, description: "The session's unless given." }),
    priority: t.int({ description: PRIORITY }),
    deadlineSeconds: t.float({ description: DEADLINE }),
    sampling: t.field({ type: SamplingInputType }),
    idempotencyKey: t.string(),
    onDisconnect: t.field({ type: DisconnectPolicyEnum }),
  }),
});

export const EditMessageInput = builder.inputType("EditMessageInput", {
  fields: (t) => ({
    messageId: t.id({ required: true, description: "A question." }),
    content: t.string({ required: true, description: "What is asked instead." }),
    contextPolicy: t.field({ type: ContextPolicyEnum, description: "The session's unless given." }),
    priority: t.int({ description: PRIORITY }),
    deadlineSeconds: t.float({ description: DEADLINE }),
    sampling: t.field({ type: SamplingInputType }),
    idempotencyKey: t.string(),
    onDisconnect: t.field({ type: DisconnectPolicyEnum }),
  }),
});

/** What is null was not given. `onDisconnect` has a default that depends on the operation. */
export function toGenerateOptions(
  input: Partial<Omit<typeof RegenerateInput.$inferInput, "messageId">>,
): GenerateOptions {
  return {
    ...(input.contextPolicy != null ? { contextPolicy: input.contextPolicy } : {}),
    ...(input.priority != null ? { priority: input.priority } : {}),
    ...(input.deadlineSeconds != null ? { deadlineSeconds: input.deadlineSeconds } : {}),
    ...(input.sampling != null ? { sampling: input.sampling } : {}),
    ...(input.idempotencyKey != null ? { idempotencyKey: input.idempotencyKey } : {}),
    ...(input.onDisconnect != null ? { onDisconnect: input.onDisconnect } : {}),
  };
}

function toPrompt(
  { text, messages, raw, tokenIds, messageId }: typeof PromptSourceInput.$inferInput,
): GenerateInput["prompt"] {
  if (messageId != null) return { messageId };
  if (text != null) return { text };
  if (raw != null) return { raw };
  if (messages != null) return { messages };
  return { tokenIds: tokenIds! };
}
