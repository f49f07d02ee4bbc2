/** Made by `deno task web` from the .graphql files beside it. */
import type { Operation } from "../lib/operation.ts";

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** What a key may do. */
export type AccessRole =
  /** Also change models and defaults. */
  | 'ADMIN'
  /** Also generate, and keep sessions. */
  | 'GENERATOR'
  /** Read models and merges. */
  | 'VIEWER';

export type AuditFilter = {
  readonly action?: string | null | undefined;
  readonly actorId?: string | null | undefined;
  readonly target?: string | null | undefined;
};

export type CancelGenerationInput = {
  readonly id: string;
};

export type CancelMergeInput = {
  readonly id: string;
};

export type CancelModelJobInput = {
  /** Also remove what a pull has fetched, from the library of the gateway that is asked; of one that has failed or was cancelled before, too. Otherwise it is kept for a week, for the next pull to go on from. Files of a registered model stay, as long as it is registered. It means nothing for a pull that has succeeded, nor for any other job. */
  readonly discard?: boolean | null | undefined;
  readonly id: string;
};

/** Exactly one of these. */
export type ConstraintInput =
  {   /** The output is one of these. */
  readonly choice: ReadonlyArray<string>; readonly jsonSchema?: never; readonly regex?: never; }
  |  { readonly choice?: never;   /** A JSON schema as JSON text: the output is one valid document. Objects have no properties but those that are named, unless additionalProperties says so; keywords that cannot be enforced are refused. */
  readonly jsonSchema: string; readonly regex?: never; }
  |  { readonly choice?: never; readonly jsonSchema?: never;   /** A regular expression that the whole output matches. */
  readonly regex: string; };

/** What happens when a conversation is longer than the model's context. */
export type ContextPolicy =
  /** The oldest turns are left out until there is room for `maxTokens`, or half the context where that is less. The system prompt and the last question stay; `ContextTrimmed` tells how much is missing. */
  | 'DROP_OLDEST'
  /** The request is refused with the figures. */
  | 'REFUSE';

export type CreateApiKeyInput = {
  /** A time to come; never unless given. */
  readonly expiresAt?: string | null | undefined;
  /** For people, up to 100 characters. */
  readonly label: string;
  readonly role: AccessRole;
};

export type CreateSessionInput = {
  /** REFUSE unless given. */
  readonly contextPolicy?: ContextPolicy | null | undefined;
  readonly model: ModelRef;
  /** Becomes the first message, where the model takes one. */
  readonly systemPrompt?: string | null | undefined;
  readonly title?: string | null | undefined;
};

export type DeleteSessionInput = {
  readonly id: string;
};

/** What happens to a generation that whoever started it does not watch, or not any more. */
export type DisconnectPolicy =
  /** It is cancelled `disconnectGraceMs` after the last of its watchers has left, unless one is back by then. Also cancelled, queued or running, is one that nobody has begun to watch within that time after its start, 5 seconds at least. A subscription watches, at whichever gateway; a query does not. Default of `generate`. */
  | 'CANCEL'
  /** It runs on. Default of `startGeneration`. */
  | 'CONTINUE';

/** How numbers are stored in a checkpoint. */
export type Dtype =
  | 'BFLOAT16'
  | 'FLOAT8_E4M3'
  | 'FLOAT16'
  | 'FLOAT32';

export type EditMessageInput = {
  /** What is asked instead. */
  readonly content: string;
  /** The session's unless given. */
  readonly contextPolicy?: ContextPolicy | null | undefined;
  /** For the whole generation from now on, waiting and loading included, up to a day. Then it fails with `DEADLINE`. */
  readonly deadlineSeconds?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
  /** A question. */
  readonly messageId: string;
  readonly onDisconnect?: DisconnectPolicy | null | undefined;
  /** Higher is served first, among all who wait for the engine; 0 unless given. -10 to 0: anybody may step back, and only an admin ahead, up to 10. Waiting raises it. */
  readonly priority?: number | null | undefined;
  readonly sampling?: SamplingInput | null | undefined;
};

export type EngineState =
  /** It died too often, or there is no device. */
  | 'FAILED'
  | 'READY'
  /** It died; generations go on when it is back. */
  | 'RESTARTING'
  /** For the first time. */
  | 'STARTING';

export type ExportFormat =
  /** All branches with everything that is known of every answer. */
  | 'JSON'
  /** The current branch, to read. */
  | 'MARKDOWN';

export type FinishReason =
  | 'CANCELLED'
  /** The context is used up. */
  | 'CONTEXT_FULL'
  | 'ERROR'
  /** `maxTokens` were generated. */
  | 'LENGTH'
  /** End of sequence, or a stop token. */
  | 'STOP'
  /** A stop string; it is not part of the text. */
  | 'STOP_STRING';

export type GenerateInput = {
  /** The session's unless given; REFUSE without one. */
  readonly contextPolicy?: ContextPolicy | null | undefined;
  /** For the whole generation from now on, waiting and loading included, up to a day. Then it fails with `DEADLINE`. */
  readonly deadlineSeconds?: number | null | undefined;
  /** With CANCEL: how long it waits for a watcher to come back, from 0 to an hour, and for the first one to come, but then 5 seconds at least. Unless given the gateway's own setting, which is 5 seconds unless told otherwise. */
  readonly disconnectGraceMs?: number | null | undefined;
  /** The same key answers with the generation that was started first, instead of another one; with another model, prompt, session or sampling it is refused. With CANCEL that one waits anew to be watched. */
  readonly idempotencyKey?: string | null | undefined;
  readonly model: ModelRef;
  readonly onDisconnect?: DisconnectPolicy | null | undefined;
  /** Continue the session from this answer (or its system prompt), in a branch beside what follows it already. Otherwise the current branch goes on. */
  readonly parentMessageId?: string | null | undefined;
  /** Higher is served first, among all who wait for the engine; 0 unless given. -10 to 0: anybody may step back, and only an admin ahead, up to 10. Waiting raises it. */
  readonly priority?: number | null | undefined;
  readonly prompt: PromptSource;
  /** The prompt takes the place of this question, in a branch of its own; the old one stays. */
  readonly replacesMessageId?: string | null | undefined;
  readonly sampling?: SamplingInput | null | undefined;
  /** Continue this session, and keep prompt and answer in it. */
  readonly sessionId?: string | null | undefined;
};

export type GenerationStatus =
  | 'CANCELLED'
  | 'FAILED'
  | 'LOADING'
  | 'PREFILL'
  | 'QUEUED'
  | 'RUNNING'
  | 'SUCCEEDED';

export type LoadModelInput = {
  readonly model: ModelRef;
};

export type LogitBiasInput = {
  /** Added to the token's logit; -100 all but bans it. */
  readonly bias: number;
  readonly tokenId: number;
};

/** As `merge_method` of a mergekit configuration, in upper case. */
export type MergeMethod =
  /** The other model where it differs importantly. */
  | 'ARCEE_FUSION'
  /** Differences from a base, without outliers and trifles. */
  | 'BREADCRUMBS'
  /** As BREADCRUMBS, where signs agree. */
  | 'BREADCRUMBS_TIES'
  /** Differences from a base, thinned out at random. */
  | 'DARE_LINEAR'
  /** Thinned out at random, where signs agree. */
  | 'DARE_TIES'
  /** Thinned out at random by magnitude, where signs agree. */
  | 'DELLA'
  /** Differences from a base, thinned out at random by magnitude. */
  | 'DELLA_LINEAR'
  /** The spherical mean of several models. */
  | 'KARCHER'
  /** Weighted mean. */
  | 'LINEAR'
  /** A mean drawn towards the base by the angle between models. */
  | 'MODEL_STOCK'
  /** A weighted mean direction of several models. */
  | 'MULTISLERP'
  /** The other model where it is near the base. */
  | 'NEARSWAP'
  /** Along the great circle, by weights; also row by row. */
  | 'NUSLERP'
  /** One that this gateway does not know; see `configYaml`. */
  | 'OTHER'
  /** Layers of several models laid end to end. */
  | 'PASSTHROUGH'
  /** The mean of the differences from a base of those models that have one. */
  | 'RAM'
  /** As RAM, with more of what one model alone has. */
  | 'RAMPLUS_TL'
  /** The differences that vary most, where signs agree, weighted by their energy. */
  | 'SCE'
  /** Along the great circle between two models. */
  | 'SLERP'
  /** Weighted sum of the differences from a base. */
  | 'TASK_ARITHMETIC'
  /** Trimmed differences from a base, where their signs agree. */
  | 'TIES';

/** How one tensor came to be. */
export type MergeMode =
  /** Taken from one parent as it is. */
  | 'COPY'
  /** Along the straight line: the parents' tensors are nearly parallel. */
  | 'LERP'
  /** Computed by the merge's method, which has no branches. */
  | 'MIX'
  /** Along the great circle. */
  | 'SLERP';

export type MergeStage =
  /** What an earlier, killed run has left is checked. */
  | 'HASHING'
  /** The parents are read and hashed, the result's tensors computed and written. */
  | 'MERGING';

export type MergeStatus =
  | 'CANCELLED'
  | 'FAILED'
  | 'QUEUED'
  | 'RUNNING'
  | 'SUCCEEDED';

/** All conditions must hold. One that is null is none. */
export type MergeTensorFilter = {
  /** The filter that matched. */
  readonly filter?: string | null | undefined;
  readonly layer?: number | null | undefined;
  readonly mode?: MergeMode | null | undefined;
  /** Case of A to Z does not count. */
  readonly nameContains?: string | null | undefined;
  /** At most. */
  readonly tMax?: number | null | undefined;
  /** At least. */
  readonly tMin?: number | null | undefined;
};

/** Tensors without the value come last in either direction. */
export type MergeTensorOrder = {
  readonly direction?: OrderDirection;
  readonly field: MergeTensorOrderField;
};

export type MergeTensorOrderField =
  | 'COSINE'
  | 'LAYER'
  | 'NAME'
  /** The order in which they are written. */
  | 'PLAN'
  | 'T';

export type MessageInput = {
  readonly content: string;
  readonly role: Role;
};

export type MismatchKind =
  /** It was computed by an edition of the method's arithmetic that this program does not have: nothing was merged again. */
  | 'ARITHMETIC'
  /** The recorded configuration is not the one that was hashed, or not the folder's. */
  | 'CONFIGURATION'
  | 'FILE_EXTRA'
  /** A file's bytes are not those that were recorded. */
  | 'FILE_HASH'
  | 'FILE_MISSING'
  /** The recorded manifest hash (or size) of the artifact or of a parent is not that of its recorded files. */
  | 'MANIFEST_HASH'
  /** The record's t, filter, … is not what its configuration means. */
  | 'PARAMETER'
  /** A parent is not the one that was merged. */
  | 'SOURCE_HASH'
  | 'TENSOR_EXTRA'
  /** A tensor's bytes are not those that were recorded. */
  | 'TENSOR_HASH'
  | 'TENSOR_MISSING'
  /** Merging the parents again gives other bytes. */
  | 'TENSOR_RECOMPUTED'
  /** A file cannot be read as what it should be; `found` says why. */
  | 'UNREADABLE';

/** All conditions must hold. */
export type ModelFilter = {
  readonly architecture?: string | null | undefined;
  readonly author?: string | null | undefined;
  /** As the card writes it. */
  readonly license?: string | null | undefined;
  /** Whether a known merge has made it. */
  readonly merged?: boolean | null | undefined;
  /** Case of A to Z does not count. */
  readonly nameContains?: string | null | undefined;
  readonly state?: ResidencyState | null | undefined;
};

/** All conditions must hold. One that is null is none. */
export type ModelJobFilter = {
  readonly kind?: ModelJobKind | null | undefined;
  /** Part of the model's name. */
  readonly nameContains?: string | null | undefined;
  readonly status?: ModelJobStatus | null | undefined;
};

export type ModelJobKind =
  /** Fetches a model from the hub and registers it. */
  | 'PULL'
  /** Holds a model's files to what was registered, and a merge to its record and its parents. */
  | 'VERIFY';

export type ModelJobStatus =
  | 'CANCELLED'
  | 'FAILED'
  | 'RUNNING'
  | 'SUCCEEDED';

export type ModelNews =
  /** Nothing has happened for a while, and the stream is alive. Only where `heartbeatSeconds` asks for it; `model` and `residency` are those of the last event, as they are now, and without one null and `COLD`. */
  | 'HEARTBEAT'
  /** How it is; sent once, before anything else of it. */
  | 'INITIAL'
  /** Its load goes on. */
  | 'PROGRESS'
  /** It is new, or its weights are. */
  | 'REGISTERED'
  /** It is no longer offered. */
  | 'REMOVED'
  /** Its residency has another state. */
  | 'RESIDENCY'
  /** Something else about it has changed. */
  | 'UPDATED';

/** Names a model: exactly one of these. */
export type ModelRef =
  {   /** Global id. */
  readonly id: string; readonly name?: never; }
  |  { readonly id?: never;   /** Like "osanseviero/mistral-instruct-slerp". */
  readonly name: string; };

export type ModelTask =
  | 'TEXT_GENERATION';

export type OrderDirection =
  | 'ASC'
  | 'DESC';

/** Exactly one of these. */
export type PromptSource =
  {   /** A question of the session, or its answer: it is asked again, and both answers stay. */
  readonly messageId: string; readonly messages?: never; readonly raw?: never; readonly text?: never; readonly tokenIds?: never; }
  |  { readonly messageId?: never;   /** A conversation; the model's chat template is applied. */
  readonly messages: ReadonlyArray<MessageInput>; readonly raw?: never; readonly text?: never; readonly tokenIds?: never; }
  |  { readonly messageId?: never; readonly messages?: never;   /** A text to continue as it stands, without the chat template. */
  readonly raw: string; readonly text?: never; readonly tokenIds?: never; }
  |  { readonly messageId?: never; readonly messages?: never; readonly raw?: never;   /** What the user says; the model's chat template is applied. */
  readonly text: string; readonly tokenIds?: never; }
  |  { readonly messageId?: never; readonly messages?: never; readonly raw?: never; readonly text?: never;   /** The whole prompt as token ids; nothing is added. */
  readonly tokenIds: ReadonlyArray<number>; };

export type PullModelInput = {
  /** What it is to be called here; as on the hub unless given. */
  readonly name?: string | null | undefined;
  /** owner/name on the hub (HF_ENDPOINT of the gateway). */
  readonly repository: string;
  /** Branch, tag or commit; the main branch unless given. */
  readonly revision?: string | null | undefined;
};

/** How weights are held on the device. */
export type Quantization =
  /** Linear layers as 8-bit floats with one scale per output channel. */
  | 'FP8_E4M3'
  /** As the checkpoint stores them. */
  | 'NONE';

export type RegenerateInput = {
  /** The session's unless given. */
  readonly contextPolicy?: ContextPolicy | null | undefined;
  /** For the whole generation from now on, waiting and loading included, up to a day. Then it fails with `DEADLINE`. */
  readonly deadlineSeconds?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
  /** A question, or the answer that another one is wanted for. */
  readonly messageId: string;
  readonly onDisconnect?: DisconnectPolicy | null | undefined;
  /** Higher is served first, among all who wait for the engine; 0 unless given. -10 to 0: anybody may step back, and only an admin ahead, up to 10. Waiting raises it. */
  readonly priority?: number | null | undefined;
  readonly sampling?: SamplingInput | null | undefined;
};

/** Where a model's weights are. */
export type ResidencyState =
  /** On disk; the first generation loads it. */
  | 'COLD'
  /** The last load failed; see `error`. */
  | 'FAILED'
  /** On the way to the device. */
  | 'LOADING'
  /** The checkpoint's files are not on this machine. */
  | 'MISSING_WEIGHTS'
  /** Leaving the device. */
  | 'UNLOADING'
  /** On the device. */
  | 'WARM';

export type RevertSamplingDefaultsInput = {
  /** The scope's newest revision as you know it, 0 for none: refused with ConflictError where it is another. */
  readonly expectedRevision?: number | null | undefined;
  /** Gateway-wide unless given. */
  readonly model?: ModelRef | null | undefined;
  /** Kept with the new revision. */
  readonly reason: string;
  /** Number of the revision of this scope whose values come back; 0 removes them all. */
  readonly revision: number;
};

export type RevokeApiKeyInput = {
  readonly id: string;
};

/** Who speaks in a conversation. */
export type Role =
  | 'ASSISTANT'
  | 'SYSTEM'
  | 'USER';

/** What is left out keeps its default; see `samplingDefaults`. */
export type SamplingInput = {
  /** What the output is held to; it ends when it is complete. */
  readonly constraint?: ConstraintInput | null | undefined;
  /** Subtracted per occurrence in the output, -2 to 2; 0 is off. */
  readonly frequencyPenalty?: number | null | undefined;
  /** The end-of-sequence token does not end the generation. */
  readonly ignoreEos?: boolean | null | undefined;
  /** Added to the logits of single tokens before penalties, -100 to 100 each; up to 300. */
  readonly logitBias?: ReadonlyArray<LogitBiasInput> | null | undefined;
  /** Report this many alternatives per token, 0 to 20; null for no log-probabilities at all. */
  readonly logprobs?: number | null | undefined;
  /** At most this many tokens. */
  readonly maxTokens?: number | null | undefined;
  /** Keep tokens with at least this share of the most likely token's probability; 0 is off. */
  readonly minP?: number | null | undefined;
  /** No stop before this many tokens. */
  readonly minTokens?: number | null | undefined;
  /** Subtracted once from the logit of a token in the output, -2 to 2; 0 is off. */
  readonly presencePenalty?: number | null | undefined;
  /** Weakens tokens seen in prompt or output, up to 2; 1 is off. */
  readonly repetitionPenalty?: number | null | undefined;
  /** 0 to 2^64 - 1. The same seed, prompt and parameters give the same tokens. */
  readonly seed?: string | null | undefined;
  /** The text ends before the first of these strings; up to 8, each up to 64 characters. */
  readonly stop?: ReadonlyArray<string> | null | undefined;
  /** The generation ends at these token ids, up to 64. */
  readonly stopTokenIds?: ReadonlyArray<number> | null | undefined;
  /** Divides the logits, 0 to 2; 0 is greedy. */
  readonly temperature?: number | null | undefined;
  /** Keep the k most likely tokens; 0 is off. */
  readonly topK?: number | null | undefined;
  /** Keep the smallest set of tokens whose probability reaches p, up to 1; 1 is off. */
  readonly topP?: number | null | undefined;
  /** Locally typical sampling: the mass to keep, up to 1; 1 is off. */
  readonly typicalP?: number | null | undefined;
};

/** Where an effective value comes from; the first of these that sets it wins. */
export type SamplingOrigin =
  /** Nobody set it. */
  | 'BUILT_IN'
  /** The checkpoint's generation_config.json. */
  | 'CHECKPOINT'
  /** An admin's gateway-wide revision. */
  | 'GATEWAY'
  /** An admin's revision for this model. */
  | 'MODEL'
  /** The request itself. Of generations only. */
  | 'REQUEST';

export type SamplingParameterType =
  | 'BOOLEAN'
  | 'CONSTRAINT'
  | 'INTEGER'
  | 'INTEGERS'
  | 'LOGIT_BIAS'
  | 'NUMBER'
  | 'STRINGS';

export type SelectBranchInput = {
  readonly messageId: string;
};

export type SetContextPolicyInput = {
  readonly contextPolicy: ContextPolicy;
  readonly id: string;
};

export type StartMergeInput = {
  /** A mergekit configuration. Its models are names of registered models, or folders inside those that the gateway was told it may read (GEODESIC_MODELS, and its own library). */
  readonly configYaml: string;
  /** Of the result: owner/name, or a name alone. */
  readonly name: string;
  /** How the result's weights are held on the device; the gateway's default unless given. */
  readonly quantization?: Quantization | null | undefined;
};

export type UnloadModelInput = {
  readonly model: ModelRef;
};

export type UpdateSamplingDefaultsInput = {
  /** The scope's newest revision as you know it, 0 for none: refused with ConflictError where it is another. */
  readonly expectedRevision?: number | null | undefined;
  /** Gateway-wide unless given. */
  readonly model?: ModelRef | null | undefined;
  /** Kept with the revision. */
  readonly reason: string;
  /** Values given replace, null removes, what is left out stays. */
  readonly sampling: SamplingInput;
};

export type VerifiedSourceState =
  /** Nobody knows where it lies, so nothing was merged again from it. */
  | 'ABSENT'
  | 'DIFFERS'
  | 'MATCHES';

export type VerifyModelInput = {
  readonly model: ModelRef;
};

export type RevisionFragment = { readonly id: string, readonly revision: number, readonly author: string, readonly reason: string, readonly createdAt: string, readonly changes: ReadonlyArray<{ readonly parameter: string, readonly before: string | null, readonly after: string | null }> };

export type DefaultsPageQueryVariables = Exact<{
  model?: ModelRef | null | undefined;
}>;


export type DefaultsPageQuery = { readonly samplingDefaults: { readonly history: { readonly totalCount: number, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly revision: number, readonly author: string, readonly reason: string, readonly createdAt: string, readonly changes: ReadonlyArray<{ readonly parameter: string, readonly before: string | null, readonly after: string | null }> } }> } }, readonly samplingParameters: ReadonlyArray<{ readonly name: string, readonly type: SamplingParameterType, readonly description: string, readonly default: string | null, readonly origin: SamplingOrigin, readonly min: string | null, readonly max: string | null, readonly minExclusive: boolean, readonly maxItems: number | null, readonly maxLength: number | null }> };

export type UpdateDefaultsMutationVariables = Exact<{
  input: UpdateSamplingDefaultsInput;
}>;


export type UpdateDefaultsMutation = { readonly updateSamplingDefaults:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConflictError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'UpdateSamplingDefaultsPayload', readonly revision: { readonly id: string, readonly revision: number } }
   };

export type RevertDefaultsMutationVariables = Exact<{
  input: RevertSamplingDefaultsInput;
}>;


export type RevertDefaultsMutation = { readonly revertSamplingDefaults:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConflictError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'RevertSamplingDefaultsPayload', readonly revision: { readonly id: string, readonly revision: number } }
   };

export type MergeRowFragment = { readonly id: string, readonly name: string | null, readonly status: MergeStatus, readonly method: MergeMethod, readonly position: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly error:
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
   | null, readonly model: { readonly name: string } | null };

export type MergesQueryVariables = Exact<{
  first: number;
}>;


export type MergesQuery = { readonly merges: { readonly totalCount: number, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly name: string | null, readonly status: MergeStatus, readonly method: MergeMethod, readonly position: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null, readonly model: { readonly name: string } | null } }> } };

export type MergePlanQueryVariables = Exact<{
  configYaml: string;
}>;


export type MergePlanQuery = { readonly mergePlan: { readonly ok: boolean, readonly problems: ReadonlyArray<{ readonly code: string, readonly message: string, readonly line: number | null, readonly column: number | null }>, readonly documents: ReadonlyArray<{ readonly name: string | null, readonly method: MergeMethod | null, readonly baseModel: string | null, readonly dtype: string | null, readonly layers: number | null, readonly readBytes: string | null, readonly writeBytes: string | null, readonly estimatedSeconds: number | null, readonly models: ReadonlyArray<{ readonly name: string, readonly weightBytes: string }> | null, readonly tensors: ReadonlyArray<{ readonly name: string, readonly operation: string, readonly filter: string | null, readonly t: number | null }> | null, readonly files: ReadonlyArray<{ readonly file: string, readonly bytes: string }> | null }> } };

export type StartMergeMutationVariables = Exact<{
  input: StartMergeInput;
}>;


export type StartMergeMutation = { readonly startMerge:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'MergeError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'StartMergePayload', readonly merge: { readonly id: string, readonly name: string | null, readonly status: MergeStatus, readonly method: MergeMethod, readonly position: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null, readonly model: { readonly name: string } | null } }
   };

export type CancelMergeMutationVariables = Exact<{
  input: CancelMergeInput;
}>;


export type CancelMergeMutation = { readonly cancelMerge:
    | { readonly __typename: 'CancelMergePayload', readonly merge: { readonly id: string, readonly status: MergeStatus } }
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type WatchMergeSubscriptionVariables = Exact<{
  id: string;
  afterSeq: number;
}>;


export type WatchMergeSubscription = { readonly mergeEvents:
    | { readonly __typename: 'MergeCancelled', readonly seq: number }
    | { readonly __typename: 'MergeFailed', readonly code: string, readonly message: string, readonly seq: number }
    | { readonly __typename: 'MergeFinished', readonly artifactSha256: string, readonly seq: number, readonly model: { readonly name: string } | null }
    | { readonly __typename: 'MergeHeartbeat', readonly seq: number }
    | { readonly __typename: 'MergeProgress', readonly stage: MergeStage, readonly doneBytes: string, readonly totalBytes: string, readonly doneTensors: number, readonly totalTensors: number, readonly bytesPerSecond: number | null, readonly secondsLeft: number | null, readonly seq: number }
    | { readonly __typename: 'MergeQueued', readonly position: number, readonly seq: number }
   };

export type KeysQueryVariables = Exact<{ [key: string]: never; }>;


export type KeysQuery = { readonly apiKeys: ReadonlyArray<{ readonly id: string, readonly label: string, readonly prefix: string, readonly role: AccessRole, readonly createdAt: string, readonly revokedAt: string | null, readonly expiresAt: string | null, readonly lastUsedAt: string | null }> };

export type CreateKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateKeyMutation = { readonly createApiKey:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'CreateApiKeyPayload', readonly secret: string, readonly apiKey: { readonly id: string, readonly label: string } }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
   };

export type RevokeKeyMutationVariables = Exact<{
  input: RevokeApiKeyInput;
}>;


export type RevokeKeyMutation = { readonly revokeApiKey:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'RevokeApiKeyPayload', readonly revokedId: string }
   };

export type EngineStateQueryVariables = Exact<{ [key: string]: never; }>;


export type EngineStateQuery = { readonly runtime: { readonly batchSize: number, readonly running: number, readonly waiting: number, readonly tokensPerSecond: number, readonly generatedTokens: string, readonly kvBlocksTotal: number, readonly kvBlocksUsed: number, readonly steps: string, readonly stepsPerSubmit: number, readonly dispatchesPerStep: number, readonly readBytesPerSecond: number, readonly bandwidthShare: number | null, readonly device: { readonly adapter: string, readonly backend: string, readonly vendor: string, readonly software: boolean } | null, readonly engine: { readonly state: EngineState, readonly reason: string | null, readonly restarts: number, readonly attempt: number | null, readonly retryAt: string | null }, readonly models: ReadonlyArray<{ readonly key: string, readonly running: number, readonly waiting: number, readonly weightBytes: string, readonly kvCacheBytes: string, readonly kvBlocksTotal: number, readonly kvBlocksUsed: number, readonly kvBlocksCached: number, readonly preemptions: number, readonly prefixCacheHits: string, readonly prefixCacheQueries: string }> } };

export type AuditLogQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  where?: AuditFilter | null | undefined;
}>;


export type AuditLogQuery = { readonly auditLog: { readonly totalCount: number, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly seq: number, readonly action: string, readonly actorId: string, readonly actorLabel: string | null, readonly target: string | null, readonly details: string, readonly at: string, readonly hash: string } }> } };

export type VerifyAuditLogQueryVariables = Exact<{ [key: string]: never; }>;


export type VerifyAuditLogQuery = { readonly verifyAuditLog: { readonly isIntact: boolean, readonly entries: number, readonly headHash: string, readonly brokenSeq: number | null, readonly reason: string | null } };

export type UsageQueryVariables = Exact<{ [key: string]: never; }>;


export type UsageQuery = { readonly usage: { readonly edges: ReadonlyArray<{ readonly node: { readonly day: string, readonly principalId: string, readonly generations: string, readonly promptTokens: string, readonly cachedTokens: string, readonly completionTokens: string, readonly engineMs: string, readonly model: { readonly name: string } | null } }> } };

export type ModelsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  where?: ModelFilter | null | undefined;
}>;


export type ModelsQuery = { readonly models: { readonly totalCount: number, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly author: string | null, readonly task: ModelTask, readonly architecture: string, readonly parameterCount: string | null, readonly license: string | null, readonly publishedAt: string | null, readonly createdAt: string, readonly nativeContextLength: number, readonly servedContextLength: number, readonly nativeDtype: Dtype, readonly servedQuantization: Quantization, readonly concurrencyCost: number, readonly id: string, readonly name: string, readonly parents: ReadonlyArray<{ readonly name: string }>, readonly provenance: { readonly method: MergeMethod } | null, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
           | null } } }> } };

export type ModelNamesQueryVariables = Exact<{ [key: string]: never; }>;


export type ModelNamesQuery = { readonly models: { readonly edges: ReadonlyArray<{ readonly node: { readonly concurrencyCost: number, readonly id: string, readonly name: string, readonly parents: ReadonlyArray<{ readonly name: string }>, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
           | null } } }> } };

export type ModelPageQueryVariables = Exact<{
  ref: ModelRef;
}>;


export type ModelPageQuery = { readonly model: { readonly description: string | null, readonly author: string | null, readonly task: ModelTask, readonly architecture: string, readonly parameterCount: string | null, readonly license: string | null, readonly publishedAt: string | null, readonly createdAt: string, readonly nativeContextLength: number, readonly servedContextLength: number, readonly nativeDtype: Dtype, readonly servedQuantization: Quantization, readonly concurrencyCost: number, readonly id: string, readonly name: string, readonly artifact: { readonly manifestSha256: string, readonly sizeBytes: string, readonly files: ReadonlyArray<{ readonly path: string, readonly sha256: string, readonly sizeBytes: string }> } | null, readonly parents: ReadonlyArray<{ readonly author: string | null, readonly task: ModelTask, readonly architecture: string, readonly parameterCount: string | null, readonly license: string | null, readonly publishedAt: string | null, readonly createdAt: string, readonly nativeContextLength: number, readonly servedContextLength: number, readonly nativeDtype: Dtype, readonly servedQuantization: Quantization, readonly concurrencyCost: number, readonly id: string, readonly name: string, readonly provenance: { readonly method: MergeMethod } | null, readonly artifact: { readonly manifestSha256: string } | null, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null } }>, readonly descendants: ReadonlyArray<{ readonly id: string, readonly name: string }>, readonly declaredParents: ReadonlyArray<{ readonly name: string, readonly isBase: boolean, readonly model: { readonly name: string } | null }>, readonly recipe: { readonly method: MergeMethod, readonly configYaml: string, readonly configSha256: string } | null, readonly origin: { readonly repository: string, readonly revision: string } | null, readonly provenance: { readonly id: string, readonly method: MergeMethod, readonly dtype: Dtype, readonly status: MergeStatus, readonly toolVersion: string, readonly configYaml: string, readonly configSha256: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly baseModel: { readonly name: string } | null, readonly sources: ReadonlyArray<{ readonly name: string, readonly layerRange: ReadonlyArray<number> | null, readonly isBase: boolean, readonly artifactSha256: string, readonly model: { readonly name: string } | null }>, readonly parameters: ReadonlyArray<{ readonly name: string, readonly filter: string | null, readonly value: number | null, readonly gradient: ReadonlyArray<number> | null }>, readonly curves: ReadonlyArray<{ readonly filter: string | null, readonly t: ReadonlyArray<number | null> }> } | null, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
       | null } } | null };

export type ModelEventsSubscriptionVariables = Exact<{
  ref?: ModelRef | null | undefined;
}>;


export type ModelEventsSubscription = { readonly modelEvents: { readonly news: ModelNews, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
        | { readonly code: string, readonly message: string }
       | null }, readonly model: { readonly id: string, readonly name: string } | null } };

export type JobRowFragment = { readonly id: string, readonly kind: ModelJobKind, readonly status: ModelJobStatus, readonly modelName: string, readonly repository: string | null, readonly createdAt: string, readonly finishedAt: string | null, readonly error:
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
   | null, readonly model: { readonly name: string } | null };

export type VerifiedFragment = { readonly ok: boolean, readonly files: number, readonly hashedTensors: number, readonly recomputedTensors: number, readonly totalTensors: number, readonly manifestSha256: string, readonly mismatchCount: number, readonly mismatches: ReadonlyArray<{ readonly kind: MismatchKind, readonly subject: string, readonly expected: string | null, readonly found: string | null, readonly stage: string | null, readonly field: string | null }>, readonly sources: ReadonlyArray<{ readonly name: string, readonly state: VerifiedSourceState }> };

export type ModelJobsQueryVariables = Exact<{
  first: number;
  where?: ModelJobFilter | null | undefined;
}>;


export type ModelJobsQuery = { readonly modelJobs: { readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly kind: ModelJobKind, readonly status: ModelJobStatus, readonly modelName: string, readonly repository: string | null, readonly createdAt: string, readonly finishedAt: string | null, readonly verification: { readonly ok: boolean, readonly files: number, readonly hashedTensors: number, readonly recomputedTensors: number, readonly totalTensors: number, readonly manifestSha256: string, readonly mismatchCount: number, readonly mismatches: ReadonlyArray<{ readonly kind: MismatchKind, readonly subject: string, readonly expected: string | null, readonly found: string | null, readonly stage: string | null, readonly field: string | null }>, readonly sources: ReadonlyArray<{ readonly name: string, readonly state: VerifiedSourceState }> } | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null, readonly model: { readonly name: string } | null } }> } };

export type VerifyModelMutationVariables = Exact<{
  input: VerifyModelInput;
}>;


export type VerifyModelMutation = { readonly verifyModel:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'VerifyModelPayload', readonly job: { readonly id: string, readonly kind: ModelJobKind, readonly status: ModelJobStatus, readonly modelName: string, readonly repository: string | null, readonly createdAt: string, readonly finishedAt: string | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null, readonly model: { readonly name: string } | null } }
   };

export type PullModelMutationVariables = Exact<{
  input: PullModelInput;
}>;


export type PullModelMutation = { readonly pullModel:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'PullModelPayload', readonly job: { readonly id: string, readonly kind: ModelJobKind, readonly status: ModelJobStatus, readonly modelName: string, readonly repository: string | null, readonly createdAt: string, readonly finishedAt: string | null, readonly error:
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
          | { readonly code: string, readonly message: string }
         | null, readonly model: { readonly name: string } | null } }
   };

export type CancelJobMutationVariables = Exact<{
  input: CancelModelJobInput;
}>;


export type CancelJobMutation = { readonly cancelModelJob:
    | { readonly __typename: 'CancelModelJobPayload', readonly job: { readonly id: string, readonly status: ModelJobStatus } }
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type WatchJobSubscriptionVariables = Exact<{
  id: string;
  afterSeq: number;
}>;


export type WatchJobSubscription = { readonly modelJobEvents:
    | { readonly __typename: 'ModelJobCancelled', readonly seq: number }
    | { readonly __typename: 'ModelJobFailed', readonly code: string, readonly message: string, readonly seq: number }
    | { readonly __typename: 'ModelJobFinished', readonly seq: number, readonly job: { readonly model: { readonly name: string } | null, readonly verification: { readonly ok: boolean, readonly files: number, readonly hashedTensors: number, readonly recomputedTensors: number, readonly totalTensors: number, readonly manifestSha256: string, readonly mismatchCount: number, readonly mismatches: ReadonlyArray<{ readonly kind: MismatchKind, readonly subject: string, readonly expected: string | null, readonly found: string | null, readonly stage: string | null, readonly field: string | null }>, readonly sources: ReadonlyArray<{ readonly name: string, readonly state: VerifiedSourceState }> } | null } | null }
    | { readonly __typename: 'ModelJobHeartbeat', readonly seq: number }
    | { readonly __typename: 'ModelJobProgress', readonly stage: string, readonly doneBytes: string, readonly totalBytes: string, readonly doneItems: number, readonly totalItems: number, readonly bytesPerSecond: number | null, readonly secondsLeft: number | null, readonly seq: number }
    | { readonly __typename: 'ModelJobStarted', readonly seq: number }
   };

export type MergeTensorsQueryVariables = Exact<{
  id: string;
  first: number;
  after?: string | null | undefined;
  where?: MergeTensorFilter | null | undefined;
  orderBy?: MergeTensorOrder | null | undefined;
}>;


export type MergeTensorsQuery = { readonly merge: { readonly id: string, readonly tensors: { readonly totalCount: number, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly name: string, readonly layer: number | null, readonly filter: string | null, readonly t: number | null, readonly mode: MergeMode, readonly cosine: number | null, readonly outputSha256: string } }> } } | null };

export type LoadModelMutationVariables = Exact<{
  input: LoadModelInput;
}>;


export type LoadModelMutation = { readonly loadModel:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeviceLostError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'LoadModelPayload', readonly model: { readonly id: string, readonly name: string, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
           | null } } }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type UnloadModelMutationVariables = Exact<{
  input: UnloadModelInput;
}>;


export type UnloadModelMutation = { readonly unloadModel:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeviceLostError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'UnloadModelPayload', readonly model: { readonly id: string, readonly name: string, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
            | { readonly code: string, readonly message: string }
           | null } } }
   };

export type SessionsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type SessionsQuery = { readonly sessions: { readonly totalCount: number, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly title: string | null, readonly updatedAt: string, readonly model: { readonly name: string } | null } }> } };

export type SaidFragment = { readonly id: string, readonly role: Role, readonly content: string, readonly createdAt: string, readonly branchIndex: number, readonly branchCount: number, readonly siblings: ReadonlyArray<{ readonly id: string }>, readonly generation: { readonly id: string, readonly status: GenerationStatus, readonly finishReason: FinishReason | null, readonly artifactSha256: string | null, readonly usage: { readonly promptTokens: number, readonly completionTokens: number, readonly cachedTokens: number } | null, readonly timings: { readonly ttftMs: number, readonly decodeTokensPerSecond: number } | null } | null };

export type SessionPageQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type SessionPageQuery = { readonly session: { readonly id: string, readonly title: string | null, readonly contextPolicy: ContextPolicy, readonly model: { readonly id: string, readonly name: string } | null, readonly openGeneration: { readonly id: string } | null, readonly messages: { readonly totalCount: number, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly role: Role, readonly content: string, readonly createdAt: string, readonly branchIndex: number, readonly branchCount: number, readonly siblings: ReadonlyArray<{ readonly id: string }>, readonly generation: { readonly id: string, readonly status: GenerationStatus, readonly finishReason: FinishReason | null, readonly artifactSha256: string | null, readonly usage: { readonly promptTokens: number, readonly completionTokens: number, readonly cachedTokens: number } | null, readonly timings: { readonly ttftMs: number, readonly decodeTokensPerSecond: number } | null } | null } }> } } | null };

export type CreateSessionMutationVariables = Exact<{
  input: CreateSessionInput;
}>;


export type CreateSessionMutation = { readonly createSession:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'CreateSessionPayload', readonly session: { readonly id: string, readonly title: string | null, readonly updatedAt: string, readonly model: { readonly name: string } | null } }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type DeleteSessionMutationVariables = Exact<{
  input: DeleteSessionInput;
}>;


export type DeleteSessionMutation = { readonly deleteSession:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeleteSessionPayload', readonly deletedId: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type ParametersQueryVariables = Exact<{
  model?: ModelRef | null | undefined;
}>;


export type ParametersQuery = { readonly samplingParameters: ReadonlyArray<{ readonly name: string, readonly type: SamplingParameterType, readonly description: string, readonly default: string | null, readonly origin: SamplingOrigin, readonly min: string | null, readonly max: string | null, readonly minExclusive: boolean, readonly maxItems: number | null, readonly maxLength: number | null }> };

export type StartGenerationMutationVariables = Exact<{
  input: GenerateInput;
}>;


export type StartGenerationMutation = { readonly startGeneration:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeviceLostError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'StartGenerationPayload', readonly generation: { readonly id: string, readonly status: GenerationStatus } }
   };

export type CancelGenerationMutationVariables = Exact<{
  input: CancelGenerationInput;
}>;


export type CancelGenerationMutation = { readonly cancelGeneration:
    | { readonly __typename: 'CancelGenerationPayload', readonly generation: { readonly id: string, readonly status: GenerationStatus } }
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type WatchGenerationSubscriptionVariables = Exact<{
  id: string;
  afterSeq: number;
}>;


export type WatchGenerationSubscription = { readonly generationEvents:
    | { readonly __typename: 'ContextTrimmed', readonly droppedMessages: number, readonly keptMessages: number, readonly seq: number }
    | { readonly __typename: 'GenerationCancelled', readonly seq: number, readonly usage: { readonly promptTokens: number, readonly completionTokens: number, readonly cachedTokens: number } }
    | { readonly __typename: 'GenerationFailed', readonly code: string, readonly message: string, readonly seq: number }
    | { readonly __typename: 'GenerationFinished', readonly finishReason: FinishReason, readonly text: string, readonly seq: number, readonly usage: { readonly promptTokens: number, readonly completionTokens: number, readonly cachedTokens: number }, readonly timings: { readonly queueMs: number, readonly prefillMs: number, readonly ttftMs: number, readonly decodeMs: number, readonly decodeTokensPerSecond: number } }
    | { readonly __typename: 'GenerationHeartbeat', readonly seq: number }
    | { readonly __typename: 'GenerationLoading', readonly stage: string, readonly fraction: number, readonly seq: number }
    | { readonly __typename: 'GenerationQueued', readonly position: number, readonly seq: number }
    | { readonly __typename: 'GenerationReproduced', readonly seq: number }
    | { readonly __typename: 'PromptProcessed', readonly promptTokens: number, readonly cachedTokens: number, readonly seq: number }
    | { readonly __typename: 'TokensGenerated', readonly text: string, readonly seq: number, readonly tokens: ReadonlyArray<{ readonly id: number, readonly text: string, readonly logprob: number | null, readonly top: ReadonlyArray<{ readonly id: number, readonly text: string, readonly logprob: number }> }> }
   };

export type RegenerateMutationVariables = Exact<{
  input: RegenerateInput;
}>;


export type RegenerateMutation = { readonly regenerate:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeviceLostError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'RegeneratePayload', readonly generation: { readonly id: string, readonly status: GenerationStatus } }
   };

export type EditMessageMutationVariables = Exact<{
  input: EditMessageInput;
}>;


export type EditMessageMutation = { readonly editMessage:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'DeviceLostError', readonly code: string, readonly message: string }
    | { readonly __typename: 'EditMessagePayload', readonly generation: { readonly id: string, readonly status: GenerationStatus } }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'FormatError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
   };

export type SelectBranchMutationVariables = Exact<{
  input: SelectBranchInput;
}>;


export type SelectBranchMutation = { readonly selectBranch:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'SelectBranchPayload', readonly session: { readonly id: string } }
   };

export type SetContextPolicyMutationVariables = Exact<{
  input: SetContextPolicyInput;
}>;


export type SetContextPolicyMutation = { readonly setContextPolicy:
    | { readonly __typename: 'CapacityError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ConfigError', readonly code: string, readonly message: string }
    | { readonly __typename: 'ForbiddenError', readonly code: string, readonly message: string }
    | { readonly __typename: 'NotFoundError', readonly code: string, readonly message: string }
    | { readonly __typename: 'SetContextPolicyPayload', readonly session: { readonly id: string, readonly contextPolicy: ContextPolicy } }
   };

export type ExportSessionQueryVariables = Exact<{
  id: string;
  format: ExportFormat;
}>;


export type ExportSessionQuery = { readonly exportSession: { readonly content: string, readonly fileName: string, readonly mediaType: string } };

export type DefaultsChangedSubscriptionVariables = Exact<{
  model?: ModelRef | null | undefined;
}>;


export type DefaultsChangedSubscription = { readonly samplingDefaultsChanged: { readonly values: { readonly temperature: number } } };

export type ResidencyStateFragment = { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
    | { readonly code: string, readonly message: string }
   | null };

export type ResidencyFragment = { readonly id: string, readonly name: string, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
     | null } };

export type CardFragment = { readonly author: string | null, readonly task: ModelTask, readonly architecture: string, readonly parameterCount: string | null, readonly license: string | null, readonly publishedAt: string | null, readonly createdAt: string, readonly nativeContextLength: number, readonly servedContextLength: number, readonly nativeDtype: Dtype, readonly servedQuantization: Quantization, readonly concurrencyCost: number, readonly id: string, readonly name: string, readonly residency: { readonly state: ResidencyState, readonly fraction: number, readonly stage: string | null, readonly since: string, readonly secondsLeft: number | null, readonly error:
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
      | { readonly code: string, readonly message: string }
     | null } };

export type ParameterFragment = { readonly name: string, readonly type: SamplingParameterType, readonly description: string, readonly default: string | null, readonly origin: SamplingOrigin, readonly min: string | null, readonly max: string | null, readonly minExclusive: boolean, readonly maxItems: number | null, readonly maxLength: number | null };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { readonly viewer: { readonly id: string, readonly role: AccessRole, readonly concurrencyUnitsAllowed: number, readonly concurrencyUnitsHeld: number } };

export const DefaultsPage: Operation<DefaultsPageQuery, DefaultsPageQueryVariables> = {"name":"DefaultsPage","kind":"query","sha256":"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734","text":"query DefaultsPage($model: ModelRef) {\n  samplingDefaults(model: $model) {\n    history(first: 50) {\n      totalCount\n      edges {\n        node {\n          ...Revision\n        }\n      }\n    }\n  }\n  samplingParameters(model: $model) {\n    ...Parameter\n  }\n}\n\nfragment Revision on SamplingRevision {\n  id\n  revision\n  author\n  reason\n  createdAt\n  changes {\n    parameter\n    before\n    after\n  }\n}\n\nfragment Parameter on SamplingParameter {\n  name\n  type\n  description\n  default\n  origin\n  min\n  max\n  minExclusive\n  maxItems\n  maxLength\n}"};

export const UpdateDefaults: Operation<UpdateDefaultsMutation, UpdateDefaultsMutationVariables> = {"name":"UpdateDefaults","kind":"mutation","sha256":"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539","text":"mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {\n  updateSamplingDefaults(input: $input) {\n    __typename\n    ... on UpdateSamplingDefaultsPayload {\n      revision {\n        id\n        revision\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const RevertDefaults: Operation<RevertDefaultsMutation, RevertDefaultsMutationVariables> = {"name":"RevertDefaults","kind":"mutation","sha256":"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c","text":"mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {\n  revertSamplingDefaults(input: $input) {\n    __typename\n    ... on RevertSamplingDefaultsPayload {\n      revision {\n        id\n        revision\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const Merges: Operation<MergesQuery, MergesQueryVariables> = {"name":"Merges","kind":"query","sha256":"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d","text":"query Merges($first: Int!) {\n  merges(first: $first) {\n    totalCount\n    edges {\n      node {\n        ...MergeRow\n      }\n    }\n  }\n}\n\nfragment MergeRow on Merge {\n  id\n  name\n  status\n  method\n  position\n  createdAt\n  startedAt\n  finishedAt\n  error {\n    code\n    message\n  }\n  model {\n    name\n  }\n}"};

export const MergePlan: Operation<MergePlanQuery, MergePlanQueryVariables> = {"name":"MergePlan","kind":"query","sha256":"d0d815b0ffa5419791976407416f189a148ca1d97774693f77cd24ec1163f72f","text":"query MergePlan($configYaml: String!) {\n  mergePlan(configYaml: $configYaml) {\n    ok\n    problems {\n      code\n      message\n      line\n      column\n    }\n    documents {\n      name\n      method\n      baseModel\n      dtype\n      layers\n      models {\n        name\n        weightBytes\n      }\n      readBytes\n      writeBytes\n      estimatedSeconds\n      tensors {\n        name\n        operation\n        filter\n        t\n      }\n      files {\n        file\n        bytes\n      }\n    }\n  }\n}"};

export const StartMerge: Operation<StartMergeMutation, StartMergeMutationVariables> = {"name":"StartMerge","kind":"mutation","sha256":"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad","text":"mutation StartMerge($input: StartMergeInput!) {\n  startMerge(input: $input) {\n    __typename\n    ... on StartMergePayload {\n      merge {\n        ...MergeRow\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}\n\nfragment MergeRow on Merge {\n  id\n  name\n  status\n  method\n  position\n  createdAt\n  startedAt\n  finishedAt\n  error {\n    code\n    message\n  }\n  model {\n    name\n  }\n}"};

export const CancelMerge: Operation<CancelMergeMutation, CancelMergeMutationVariables> = {"name":"CancelMerge","kind":"mutation","sha256":"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c","text":"mutation CancelMerge($input: CancelMergeInput!) {\n  cancelMerge(input: $input) {\n    __typename\n    ... on CancelMergePayload {\n      merge {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const WatchMerge: Operation<WatchMergeSubscription, WatchMergeSubscriptionVariables> = {"name":"WatchMerge","kind":"subscription","sha256":"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5","text":"subscription WatchMerge($id: ID!, $afterSeq: Int!) {\n  mergeEvents(id: $id, afterSeq: $afterSeq) {\n    __typename\n    seq\n    ... on MergeQueued {\n      position\n    }\n    ... on MergeProgress {\n      stage\n      doneBytes\n      totalBytes\n      doneTensors\n      totalTensors\n      bytesPerSecond\n      secondsLeft\n    }\n    ... on MergeFinished {\n      artifactSha256\n      model {\n        name\n      }\n    }\n    ... on MergeFailed {\n      code\n      message\n    }\n  }\n}"};

export const Keys: Operation<KeysQuery, KeysQueryVariables> = {"name":"Keys","kind":"query","sha256":"080fdb88b024f13f68e149e41016f48a8dd5f084c4856b831302b49fe84c4b3d","text":"query Keys {\n  apiKeys {\n    id\n    label\n    prefix\n    role\n    createdAt\n    revokedAt\n    expiresAt\n    lastUsedAt\n  }\n}"};

export const CreateKey: Operation<CreateKeyMutation, CreateKeyMutationVariables> = {"name":"CreateKey","kind":"mutation","sha256":"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5","text":"mutation CreateKey($input: CreateApiKeyInput!) {\n  createApiKey(input: $input) {\n    __typename\n    ... on CreateApiKeyPayload {\n      secret\n      apiKey {\n        id\n        label\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const RevokeKey: Operation<RevokeKeyMutation, RevokeKeyMutationVariables> = {"name":"RevokeKey","kind":"mutation","sha256":"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997","text":"mutation RevokeKey($input: RevokeApiKeyInput!) {\n  revokeApiKey(input: $input) {\n    __typename\n    ... on RevokeApiKeyPayload {\n      revokedId\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const EngineState: Operation<EngineStateQuery, EngineStateQueryVariables> = {"name":"EngineState","kind":"query","sha256":"2b327f1ed1311bd38ea993e6971235c69f4183c71db87b089cc4e846a70d4a7b","text":"query EngineState {\n  runtime {\n    batchSize\n    running\n    waiting\n    tokensPerSecond\n    generatedTokens\n    kvBlocksTotal\n    kvBlocksUsed\n    steps\n    stepsPerSubmit\n    dispatchesPerStep\n    readBytesPerSecond\n    bandwidthShare\n    device {\n      adapter\n      backend\n      vendor\n      software\n    }\n    engine {\n      state\n      reason\n      restarts\n      attempt\n      retryAt\n    }\n    models {\n      key\n      running\n      waiting\n      weightBytes\n      kvCacheBytes\n      kvBlocksTotal\n      kvBlocksUsed\n      kvBlocksCached\n      preemptions\n      prefixCacheHits\n      prefixCacheQueries\n    }\n  }\n}"};

export const AuditLog: Operation<AuditLogQuery, AuditLogQueryVariables> = {"name":"AuditLog","kind":"query","sha256":"c2697f69dd47014e44a79d2dac99de62075ca94338251aa93957f4f6fee52edd","text":"query AuditLog($first: Int!, $after: String, $where: AuditFilter) {\n  auditLog(first: $first, after: $after, where: $where) {\n    totalCount\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    edges {\n      node {\n        seq\n        action\n        actorId\n        actorLabel\n        target\n        details\n        at\n        hash\n      }\n    }\n  }\n}"};

export const VerifyAuditLog: Operation<VerifyAuditLogQuery, VerifyAuditLogQueryVariables> = {"name":"VerifyAuditLog","kind":"query","sha256":"9501458266c8e6a45aa00bef39a202c3bd93c9fc42045688b4bfad7ca378f925","text":"query VerifyAuditLog {\n  verifyAuditLog {\n    isIntact\n    entries\n    headHash\n    brokenSeq\n    reason\n  }\n}"};

export const Usage: Operation<UsageQuery, UsageQueryVariables> = {"name":"Usage","kind":"query","sha256":"a737207f007d5bd8d375c856ca0b39509b4d0d7d594e49ec35e7828bff057bd6","text":"query Usage {\n  usage(first: 100) {\n    edges {\n      node {\n        day\n        principalId\n        generations\n        promptTokens\n        cachedTokens\n        completionTokens\n        engineMs\n        model {\n          name\n        }\n      }\n    }\n  }\n}"};

export const Models: Operation<ModelsQuery, ModelsQueryVariables> = {"name":"Models","kind":"query","sha256":"caa0f475e018f3b9a3a1c0f666b2f217647cde575a47e22ffba77d8d76a5865c","text":"query Models($first: Int!, $after: String, $where: ModelFilter) {\n  models(first: $first, after: $after, where: $where) {\n    totalCount\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    edges {\n      node {\n        ...Card\n        parents {\n          name\n        }\n        provenance {\n          method\n        }\n      }\n    }\n  }\n}\n\nfragment Card on Model {\n  ...Residency\n  author\n  task\n  architecture\n  parameterCount\n  license\n  publishedAt\n  createdAt\n  nativeContextLength\n  servedContextLength\n  nativeDtype\n  servedQuantization\n  concurrencyCost\n}\n\nfragment Residency on Model {\n  id\n  name\n  residency {\n    ...ResidencyState\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const ModelNames: Operation<ModelNamesQuery, ModelNamesQueryVariables> = {"name":"ModelNames","kind":"query","sha256":"a1d8d96f52cb82d5bf4dfb00b060d191298d2521cbfc58709412058dd7749d39","text":"query ModelNames {\n  models(first: 100) {\n    edges {\n      node {\n        ...Residency\n        concurrencyCost\n        parents {\n          name\n        }\n      }\n    }\n  }\n}\n\nfragment Residency on Model {\n  id\n  name\n  residency {\n    ...ResidencyState\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const ModelPage: Operation<ModelPageQuery, ModelPageQueryVariables> = {"name":"ModelPage","kind":"query","sha256":"97084d96c0092458b8842240c5a4c0002f283306f04a824a0fd569e3227395f0","text":"query ModelPage($ref: ModelRef!) {\n  model(ref: $ref) {\n    ...Card\n    description\n    artifact {\n      manifestSha256\n      sizeBytes\n      files {\n        path\n        sha256\n        sizeBytes\n      }\n    }\n    parents {\n      ...Card\n      provenance {\n        method\n      }\n      artifact {\n        manifestSha256\n      }\n    }\n    descendants {\n      id\n      name\n    }\n    declaredParents {\n      name\n      isBase\n      model {\n        name\n      }\n    }\n    recipe {\n      method\n      configYaml\n      configSha256\n    }\n    origin {\n      repository\n      revision\n    }\n    provenance {\n      id\n      method\n      dtype\n      status\n      toolVersion\n      configYaml\n      configSha256\n      startedAt\n      finishedAt\n      baseModel {\n        name\n      }\n      sources {\n        name\n        layerRange\n        isBase\n        artifactSha256\n        model {\n          name\n        }\n      }\n      parameters {\n        name\n        filter\n        value\n        gradient\n      }\n      curves {\n        filter\n        t\n      }\n    }\n  }\n}\n\nfragment Card on Model {\n  ...Residency\n  author\n  task\n  architecture\n  parameterCount\n  license\n  publishedAt\n  createdAt\n  nativeContextLength\n  servedContextLength\n  nativeDtype\n  servedQuantization\n  concurrencyCost\n}\n\nfragment Residency on Model {\n  id\n  name\n  residency {\n    ...ResidencyState\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const ModelEvents: Operation<ModelEventsSubscription, ModelEventsSubscriptionVariables> = {"name":"ModelEvents","kind":"subscription","sha256":"ce9c948fbc7f54101819f0295b487f7d802121a77331d87cffcb9ebc529e7790","text":"subscription ModelEvents($ref: ModelRef) {\n  modelEvents(ref: $ref) {\n    news\n    residency {\n      ...ResidencyState\n    }\n    model {\n      id\n      name\n    }\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const ModelJobs: Operation<ModelJobsQuery, ModelJobsQueryVariables> = {"name":"ModelJobs","kind":"query","sha256":"113fef19561e23b2573d9ddd7921d3ec1763585a084349f8492bc2d3c27dfcf3","text":"query ModelJobs($first: Int!, $where: ModelJobFilter) {\n  modelJobs(first: $first, where: $where) {\n    edges {\n      node {\n        ...JobRow\n        verification {\n          ...Verified\n        }\n      }\n    }\n  }\n}\n\nfragment JobRow on ModelJob {\n  id\n  kind\n  status\n  modelName\n  repository\n  createdAt\n  finishedAt\n  error {\n    code\n    message\n  }\n  model {\n    name\n  }\n}\n\nfragment Verified on ModelVerification {\n  ok\n  files\n  hashedTensors\n  recomputedTensors\n  totalTensors\n  manifestSha256\n  mismatchCount\n  mismatches {\n    kind\n    subject\n    expected\n    found\n    stage\n    field\n  }\n  sources {\n    name\n    state\n  }\n}"};

export const VerifyModel: Operation<VerifyModelMutation, VerifyModelMutationVariables> = {"name":"VerifyModel","kind":"mutation","sha256":"80e25bfb2453a0f21a4a48f9c9aebe1993a17d2961d16a0bab4cceda917ab8a0","text":"mutation VerifyModel($input: VerifyModelInput!) {\n  verifyModel(input: $input) {\n    __typename\n    ... on VerifyModelPayload {\n      job {\n        ...JobRow\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}\n\nfragment JobRow on ModelJob {\n  id\n  kind\n  status\n  modelName\n  repository\n  createdAt\n  finishedAt\n  error {\n    code\n    message\n  }\n  model {\n    name\n  }\n}"};

export const PullModel: Operation<PullModelMutation, PullModelMutationVariables> = {"name":"PullModel","kind":"mutation","sha256":"853c1600214b5bff90c70f08734ce4ef8da9978d635575a40631ebc85956ddb4","text":"mutation PullModel($input: PullModelInput!) {\n  pullModel(input: $input) {\n    __typename\n    ... on PullModelPayload {\n      job {\n        ...JobRow\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}\n\nfragment JobRow on ModelJob {\n  id\n  kind\n  status\n  modelName\n  repository\n  createdAt\n  finishedAt\n  error {\n    code\n    message\n  }\n  model {\n    name\n  }\n}"};

export const CancelJob: Operation<CancelJobMutation, CancelJobMutationVariables> = {"name":"CancelJob","kind":"mutation","sha256":"6eb5c2ea659b99e59785c88f9c67bcd71d030215c590f01c212f4730dc4a9e01","text":"mutation CancelJob($input: CancelModelJobInput!) {\n  cancelModelJob(input: $input) {\n    __typename\n    ... on CancelModelJobPayload {\n      job {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const WatchJob: Operation<WatchJobSubscription, WatchJobSubscriptionVariables> = {"name":"WatchJob","kind":"subscription","sha256":"76de383f08a0e6f6acae620154c8355b5827ae2b5b3c169b4a0543cf1c9d8126","text":"subscription WatchJob($id: ID!, $afterSeq: Int!) {\n  modelJobEvents(id: $id, afterSeq: $afterSeq) {\n    __typename\n    seq\n    ... on ModelJobProgress {\n      stage\n      doneBytes\n      totalBytes\n      doneItems\n      totalItems\n      bytesPerSecond\n      secondsLeft\n    }\n    ... on ModelJobFailed {\n      code\n      message\n    }\n    ... on ModelJobFinished {\n      job {\n        model {\n          name\n        }\n        verification {\n          ...Verified\n        }\n      }\n    }\n  }\n}\n\nfragment Verified on ModelVerification {\n  ok\n  files\n  hashedTensors\n  recomputedTensors\n  totalTensors\n  manifestSha256\n  mismatchCount\n  mismatches {\n    kind\n    subject\n    expected\n    found\n    stage\n    field\n  }\n  sources {\n    name\n    state\n  }\n}"};

export const MergeTensors: Operation<MergeTensorsQuery, MergeTensorsQueryVariables> = {"name":"MergeTensors","kind":"query","sha256":"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199","text":"query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {\n  merge(id: $id) {\n    id\n    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      edges {\n        node {\n          name\n          layer\n          filter\n          t\n          mode\n          cosine\n          outputSha256\n        }\n      }\n    }\n  }\n}"};

export const LoadModel: Operation<LoadModelMutation, LoadModelMutationVariables> = {"name":"LoadModel","kind":"mutation","sha256":"2592235f2f842cd717f2c52cd6bb3b1c42f7f9770524a49cd854435948f9cbaf","text":"mutation LoadModel($input: LoadModelInput!) {\n  loadModel(input: $input) {\n    __typename\n    ... on LoadModelPayload {\n      model {\n        ...Residency\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}\n\nfragment Residency on Model {\n  id\n  name\n  residency {\n    ...ResidencyState\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const UnloadModel: Operation<UnloadModelMutation, UnloadModelMutationVariables> = {"name":"UnloadModel","kind":"mutation","sha256":"1664d1f8ae21da7329b3802f03c35dca5731dedc6ca008711deeeeac30b97993","text":"mutation UnloadModel($input: UnloadModelInput!) {\n  unloadModel(input: $input) {\n    __typename\n    ... on UnloadModelPayload {\n      model {\n        ...Residency\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}\n\nfragment Residency on Model {\n  id\n  name\n  residency {\n    ...ResidencyState\n  }\n}\n\nfragment ResidencyState on Residency {\n  state\n  fraction\n  stage\n  since\n  secondsLeft\n  error {\n    code\n    message\n  }\n}"};

export const Sessions: Operation<SessionsQuery, SessionsQueryVariables> = {"name":"Sessions","kind":"query","sha256":"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3","text":"query Sessions($first: Int!, $after: String) {\n  sessions(first: $first, after: $after) {\n    totalCount\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    edges {\n      node {\n        id\n        title\n        updatedAt\n        model {\n          name\n        }\n      }\n    }\n  }\n}"};

export const SessionPage: Operation<SessionPageQuery, SessionPageQueryVariables> = {"name":"SessionPage","kind":"query","sha256":"685e53805b532162908e3ae5132861de39a504d1888716da10ce934c7e649997","text":"query SessionPage($id: ID!, $after: String) {\n  session(id: $id) {\n    id\n    title\n    contextPolicy\n    model {\n      id\n      name\n    }\n    openGeneration {\n      id\n    }\n    messages(first: 20, after: $after) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      edges {\n        node {\n          ...Said\n        }\n      }\n    }\n  }\n}\n\nfragment Said on Message {\n  id\n  role\n  content\n  createdAt\n  branchIndex\n  branchCount\n  siblings {\n    id\n  }\n  generation {\n    id\n    status\n    finishReason\n    artifactSha256\n    usage {\n      promptTokens\n      completionTokens\n      cachedTokens\n    }\n    timings {\n      ttftMs\n      decodeTokensPerSecond\n    }\n  }\n}"};

export const CreateSession: Operation<CreateSessionMutation, CreateSessionMutationVariables> = {"name":"CreateSession","kind":"mutation","sha256":"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408","text":"mutation CreateSession($input: CreateSessionInput!) {\n  createSession(input: $input) {\n    __typename\n    ... on CreateSessionPayload {\n      session {\n        id\n        title\n        updatedAt\n        model {\n          name\n        }\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const DeleteSession: Operation<DeleteSessionMutation, DeleteSessionMutationVariables> = {"name":"DeleteSession","kind":"mutation","sha256":"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba","text":"mutation DeleteSession($input: DeleteSessionInput!) {\n  deleteSession(input: $input) {\n    __typename\n    ... on DeleteSessionPayload {\n      deletedId\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const Parameters: Operation<ParametersQuery, ParametersQueryVariables> = {"name":"Parameters","kind":"query","sha256":"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747","text":"query Parameters($model: ModelRef) {\n  samplingParameters(model: $model) {\n    ...Parameter\n  }\n}\n\nfragment Parameter on SamplingParameter {\n  name\n  type\n  description\n  default\n  origin\n  min\n  max\n  minExclusive\n  maxItems\n  maxLength\n}"};

export const StartGeneration: Operation<StartGenerationMutation, StartGenerationMutationVariables> = {"name":"StartGeneration","kind":"mutation","sha256":"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87","text":"mutation StartGeneration($input: GenerateInput!) {\n  startGeneration(input: $input) {\n    __typename\n    ... on StartGenerationPayload {\n      generation {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const CancelGeneration: Operation<CancelGenerationMutation, CancelGenerationMutationVariables> = {"name":"CancelGeneration","kind":"mutation","sha256":"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b","text":"mutation CancelGeneration($input: CancelGenerationInput!) {\n  cancelGeneration(input: $input) {\n    __typename\n    ... on CancelGenerationPayload {\n      generation {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const WatchGeneration: Operation<WatchGenerationSubscription, WatchGenerationSubscriptionVariables> = {"name":"WatchGeneration","kind":"subscription","sha256":"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917","text":"subscription WatchGeneration($id: ID!, $afterSeq: Int!) {\n  generationEvents(id: $id, afterSeq: $afterSeq) {\n    __typename\n    seq\n    ... on GenerationQueued {\n      position\n    }\n    ... on GenerationLoading {\n      stage\n      fraction\n    }\n    ... on PromptProcessed {\n      promptTokens\n      cachedTokens\n    }\n    ... on TokensGenerated {\n      text\n      tokens {\n        id\n        text\n        logprob\n        top {\n          id\n          text\n          logprob\n        }\n      }\n    }\n    ... on GenerationFinished {\n      finishReason\n      text\n      usage {\n        promptTokens\n        completionTokens\n        cachedTokens\n      }\n      timings {\n        queueMs\n        prefillMs\n        ttftMs\n        decodeMs\n        decodeTokensPerSecond\n      }\n    }\n    ... on ContextTrimmed {\n      droppedMessages\n      keptMessages\n    }\n    ... on GenerationFailed {\n      code\n      message\n    }\n    ... on GenerationCancelled {\n      usage {\n        promptTokens\n        completionTokens\n        cachedTokens\n      }\n    }\n  }\n}"};

export const Regenerate: Operation<RegenerateMutation, RegenerateMutationVariables> = {"name":"Regenerate","kind":"mutation","sha256":"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3","text":"mutation Regenerate($input: RegenerateInput!) {\n  regenerate(input: $input) {\n    __typename\n    ... on RegeneratePayload {\n      generation {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const EditMessage: Operation<EditMessageMutation, EditMessageMutationVariables> = {"name":"EditMessage","kind":"mutation","sha256":"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30","text":"mutation EditMessage($input: EditMessageInput!) {\n  editMessage(input: $input) {\n    __typename\n    ... on EditMessagePayload {\n      generation {\n        id\n        status\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const SelectBranch: Operation<SelectBranchMutation, SelectBranchMutationVariables> = {"name":"SelectBranch","kind":"mutation","sha256":"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325","text":"mutation SelectBranch($input: SelectBranchInput!) {\n  selectBranch(input: $input) {\n    __typename\n    ... on SelectBranchPayload {\n      session {\n        id\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const SetContextPolicy: Operation<SetContextPolicyMutation, SetContextPolicyMutationVariables> = {"name":"SetContextPolicy","kind":"mutation","sha256":"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90","text":"mutation SetContextPolicy($input: SetContextPolicyInput!) {\n  setContextPolicy(input: $input) {\n    __typename\n    ... on SetContextPolicyPayload {\n      session {\n        id\n        contextPolicy\n      }\n    }\n    ... on Error {\n      code\n      message\n    }\n  }\n}"};

export const ExportSession: Operation<ExportSessionQuery, ExportSessionQueryVariables> = {"name":"ExportSession","kind":"query","sha256":"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19","text":"query ExportSession($id: ID!, $format: ExportFormat!) {\n  exportSession(id: $id, format: $format) {\n    content\n    fileName\n    mediaType\n  }\n}"};

export const DefaultsChanged: Operation<DefaultsChangedSubscription, DefaultsChangedSubscriptionVariables> = {"name":"DefaultsChanged","kind":"subscription","sha256":"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad","text":"subscription DefaultsChanged($model: ModelRef) {\n  samplingDefaultsChanged(model: $model) {\n    values {\n      temperature\n    }\n  }\n}"};

export const Viewer: Operation<ViewerQuery, ViewerQueryVariables> = {"name":"Viewer","kind":"query","sha256":"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce","text":"query Viewer {\n  viewer {\n    id\n    role\n    concurrencyUnitsAllowed\n    concurrencyUnitsHeld\n  }\n}"};
