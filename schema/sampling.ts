/** Sampling parameters as GraphQL: what a request may set, what it set, and what was in force. */
import type { Constraint } from "../src/constraint/constraint.ts";
import type { SamplingInput } from "../src/app/types.ts";
import type { LogitBias, SamplingParams } from "../src/model/sampling.ts";
import { builder } from "./builder.ts";

/** One sentence a parameter, shared by the input and both outputs. Ranges are checked by the use cases. */
export const SAMPLING_DESCRIPTIONS: Readonly<Record<keyof SamplingParams, string>> = {
  temperature: "Divides the logits, 0 to 2; 0 is greedy.",
  topK: "Keep the k most likely tokens; 0 is off.",
  topP: "Keep the smallest set of tokens whose probability reaches p, up to 1; 1 is off.",
  minP: "Keep tokens with at least this share of the most likely token's probability; 0 is off.",
  typicalP: "Locally typical sampling: the mass to keep, up to 1; 1 is off.",
  repetitionPenalty: "Weakens tokens seen in prompt or output, up to 2; 1 is off.",
  presencePenalty: "Subtracted once from the logit of a token in the output, -2 to 2; 0 is off.",
  frequencyPenalty: "Subtracted per occurrence in the output, -2 to 2; 0 is off.",
  logitBias: "Added to the logits of single tokens before penalties, -100 to 100 each; up to 300.",
  constraint: "What the output is held to; it ends when it is complete.",
  maxTokens: "At most this many tokens.",
  minTokens: "No stop before this many tokens.",
  stop: "The text ends before the first of these strings; up to 8, each up to 64 characters.",
  stopTokenIds: "The generation ends at these token ids, up to 64.",
  ignoreEos: "The end-of-sequence token does not end the generation.",
  seed: "0 to 2^64 - 1. The same seed, prompt and parameters give the same tokens.",
  logprobs: "Report this many alternatives per token, 0 to 20; null for no log-probabilities at all.",
};
const D = SAMPLING_DESCRIPTIONS;

const LogitBiasInput = builder.inputType("LogitBiasInput", {
  fields: (t) => ({
    tokenId: t.int({ required: true }),
    bias: t.float({ required: true, description: "Added to the token's logit; -100 all but bans it." }),
  }),
});

const LogitBiasObject = builder.objectRef<LogitBias>("LogitBias").implement({
  fields: (t) => ({ tokenId: t.exposeInt("tokenId"), bias: t.exposeFloat("bias") }),
});

const ConstraintInput = builder.inputType("ConstraintInput", {
  description: "Exactly one of these.",
  isOneOf: true,
  fields: (t) => ({
    jsonSchema: t.string({
      description:
        "A JSON schema as JSON text: the output is one valid document. Objects have no properties but " +
        "those that are named, unless additionalProperties says so; keywords that cannot be enforced are refused.",
    }),
    regex: t.string({ description: "A regular expression that the whole output matches." }),
    choice: t.stringList({ description: "The output is one of these." }),
  }),
});

const ConstraintObject = builder.objectRef<Constraint>("Constraint").implement({
  description: "One field is not null.",
  fields: (t) => ({
    jsonSchema: t.string({
      nullable: true,
      resolve: (constraint) => "jsonSchema" in constraint ? constraint.jsonSchema : null,
    }),
    regex: t.string({
      nullable: true,
      resolve: (constraint) => "regex" in constraint ? constraint.regex : null,
    }),
    choice: t.stringList({
      nullable: true,
      resolve: (constraint) => "choice" in constraint ? [...constraint.choice] : null,
    }),
  }),
});

export const SamplingInputType = builder.inputType("SamplingInput", {
  description: "What is left out keeps its default; see `samplingDefaults`.",
  fields: (t) => ({
    temperature: t.float({ description: D.temperature }),
    topK: t.int({ description: D.topK }),
    topP: t.float({ description: D.topP }),
    minP: t.float({ description: D.minP }),
    typicalP: t.float({ description: D.typicalP }),
    repetitionPenalty: t.float({ description: D.repetitionPenalty }),
    presencePenalty: t.float({ description: D.presencePenalty }),
    frequencyPenalty: t.float({ description: D.frequencyPenalty }),
    logitBias: t.field({ type: [LogitBiasInput], description: D.logitBias }),
    constraint: t.field({ type: ConstraintInput, description: D.constraint }),
    maxTokens: t.int({ description: D.maxTokens }),
    minTokens: t.int({ description: D.minTokens }),
    stop: t.stringList({ description: D.stop }),
    stopTokenIds: t.intList({ description: D.stopTokenIds }),
    ignoreEos: t.boolean({ description: D.ignoreEos }),
    seed: t.field({ type: "BigInt", description: D.seed }),
    logprobs: t.int({ description: D.logprobs }),
  }),
});

export const SamplingParamsObject = builder.objectRef<SamplingParams>("SamplingParams").implement({
  description: "A complete set of sampling parameters.",
  fields: (t) => ({
    temperature: t.exposeFloat("temperature", { description: D.temperature }),
    topK: t.exposeInt("topK", { description: D.topK }),
    topP: t.exposeFloat("topP", { description: D.topP }),
    minP: t.exposeFloat("minP", { description: D.minP }),
    typicalP: t.exposeFloat("typicalP", { description: D.typicalP }),
    repetitionPenalty: t.exposeFloat("repetitionPenalty", { description: D.repetitionPenalty }),
    presencePenalty: t.exposeFloat("presencePenalty", { description: D.presencePenalty }),
    frequencyPenalty: t.exposeFloat("frequencyPenalty", { description: D.frequencyPenalty }),
    // Not set in rows that are older than the parameter.
    logitBias: t.field({
      type: [LogitBiasObject],
      description: D.logitBias,
      resolve: ({ logitBias }: Partial<SamplingParams>) => [...logitBias ?? []],
    }),
    constraint: t.field({
      type: ConstraintObject,
      nullable: true,
      description: D.constraint,
      resolve: ({ constraint }: Partial<SamplingParams>) => constraint ?? null,
    }),
    maxTokens: t.exposeInt("maxTokens", { description: D.maxTokens }),
    minTokens: t.exposeInt("minTokens", { description: D.minTokens }),
    stop: t.stringList({ description: D.stop, resolve: ({ stop }) => [...stop] }),
    stopTokenIds: t.intList({
      description: D.stopTokenIds,
      resolve: ({ stopTokenIds }) => [...stopTokenIds],
    }),
    ignoreEos: t.exposeBoolean("ignoreEos", { description: D.ignoreEos }),
    seed: t.expose("seed", { type: "BigInt", description: D.seed }),
    logprobs: t.int({
      nullable: true,
      description: D.logprobs,
      resolve: ({ logprobs }) => logprobs < 0 ? null : logprobs,
    }),
  }),
});

export const SamplingValuesObject = builder.objectRef<SamplingInput>("SamplingValues").implement({
  description: "Some sampling parameters; null where nothing was set.",
  fields: (t) => ({
    temperature: t.exposeFloat("temperature", { nullable: true }),
    topK: t.exposeInt("topK", { nullable: true }),
    topP: t.exposeFloat("topP", { nullable: true }),
    minP: t.exposeFloat("minP", { nullable: true }),
    typicalP: t.exposeFloat("typicalP", { nullable: true }),
    repetitionPenalty: t.exposeFloat("repetitionPenalty", { nullable: true }),
    presencePenalty: t.exposeFloat("presencePenalty", { nullable: true }),
    frequencyPenalty: t.exposeFloat("frequencyPenalty", { nullable: true }),
    logitBias: t.field({
      type: [LogitBiasObject],
      nullable: true,
      resolve: ({ logitBias }) => logitBias ? [...logitBias] : null,
    }),
    constraint: t.field({
      type: ConstraintObject,
      nullable: true,
      resolve: ({ constraint }) => constraint ?? null,
    }),
    maxTokens: t.exposeInt("maxTokens", { nullable: true }),
    minTokens: t.exposeInt("minTokens", { nullable: true }),
    stop: t.stringList({ nullable: true, resolve: ({ stop }) => stop ? [...stop] : null }),
    stopTokenIds: t.intList({ nullable: true, resolve: ({ stopTokenIds: ids }) => ids ? [...ids] : null }),
    ignoreEos: t.exposeBoolean("ignoreEos", { nullable: true }),
    seed: t.expose("seed", { type: "BigInt", nullable: true }),
    logprobs: t.exposeInt("logprobs", { nullable: true }),
  }),
});
