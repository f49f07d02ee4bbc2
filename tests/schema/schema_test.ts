/** The schema as clients see it: printed and committed, described, and made by one copy of graphql. */
import { expect } from "@std/expect";
import {
  type GraphQLFieldMap,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from "graphql";
import { buildSchema } from "../../schema/index.ts";
import { METHOD_NAMES } from "../../src/merge/methods/registry.ts";
import { SAMPLING } from "../support/fake_objects.ts";

const schema = buildSchema();
const ROOT = new URL("../../", import.meta.url);

function fields(type: string): GraphQLFieldMap<unknown, unknown> {
  const found = schema.getType(type);
  if (!isObjectType(found) && !isInterfaceType(found)) throw new Error(`${type} is no object type`);
  return found.getFields();
}

Deno.test("buildSchema() is valid and equals the committed schema.graphql", async () => {
  expect(validateSchema(schema)).toEqual([]);
  const committed = await Deno.readTextFile(new URL("schema/schema.graphql", ROOT));
  expect(`${printSchema(lexicographicSortSchema(schema))}\n`).toBe(committed);
});

Deno.test("buildSchema() offers the operations of the contract, with their argument and result types", () => {
  const signatures = ["Query", "Mutation", "Subscription"].flatMap((type) =>
    Object.values(fields(type)).map(({ name, args, type: result }) =>
      `${name}(${args.map((arg) => `${arg.name}: ${arg.type}`).join(", ")}): ${result}`
    )
  );
  expect(signatures.sort()).toEqual([
    "apiKeys(): [ApiKey!]!",
    "cancelMerge(input: CancelMergeInput!): CancelMergeResult!",
    "mergeEvents(id: ID!, afterSeq: Int, heartbeatSeconds: Int): MergeEvent!",
    "merges(first: Int, after: String, where: MergeFilter): MergeConnection!",
    "startMerge(input: StartMergeInput!): StartMergeResult!",
    "auditLog(first: Int, after: String, where: AuditFilter): AuditEntryConnection!",
    "cancelGeneration(input: CancelGenerationInput!): CancelGenerationResult!",
    "createApiKey(input: CreateApiKeyInput!): CreateApiKeyResult!",
    "createSession(input: CreateSessionInput!): CreateSessionResult!",
    "deleteSession(input: DeleteSessionInput!): DeleteSessionResult!",
    "generate(input: GenerateInput!, heartbeatSeconds: Int): GenerationEvent!",
    "generation(id: ID!): Generation",
    "generationEvents(id: ID!, afterSeq: Int, heartbeatSeconds: Int): GenerationEvent!",
    "loadModel(input: LoadModelInput!): LoadModelResult!",
    "merge(id: ID!): Merge",
    "model(ref: ModelRef!): Model",
    "models(first: Int, after: String, where: ModelFilter): ModelConnection!",
    "node(id: ID!): Node",
    "registerModel(input: RegisterModelInput!): RegisterModelResult!",
    "revertSamplingDefaults(input: RevertSamplingDefaultsInput!): RevertSamplingDefaultsResult!",
    "revokeApiKey(input: RevokeApiKeyInput!): RevokeApiKeyResult!",
    "runtime(): Runtime!",
    "samplingDefaults(model: ModelRef): SamplingDefaults!",
    "session(id: ID!): Session",
    "samplingDefaultsAt(model: ModelRef, revision: Int!): SamplingRevision",
    "samplingDefaultsChanged(model: ModelRef): SamplingDefaults!",
    "samplingParameters(model: ModelRef): [SamplingParameter!]!",
    "sessions(first: Int, after: String, where: SessionFilter): SessionConnection!",
    "exportSession(id: ID!, format: ExportFormat!): SessionExport!",
    "renameSession(input: RenameSessionInput!): RenameSessionResult!",
    "setContextPolicy(input: SetContextPolicyInput!): SetContextPolicyResult!",
    "selectBranch(input: SelectBranchInput!): SelectBranchResult!",
    "regenerate(input: RegenerateInput!): RegenerateResult!",
    "editMessage(input: EditMessageInput!): EditMessageResult!",
    "reproduceGeneration(input: ReproduceGenerationInput!): ReproduceGenerationResult!",
    "deleteGeneration(input: DeleteGenerationInput!): DeleteGenerationResult!",
    "startGeneration(input: GenerateInput!): StartGenerationResult!",
    "unloadModel(input: UnloadModelInput!): UnloadModelResult!",
    "updateSamplingDefaults(input: UpdateSamplingDefaultsInput!): UpdateSamplingDefaultsResult!",
    "usage(first: Int, after: String, where: UsageFilter): UsageDayConnection!",
    "verifyAuditLog(): AuditVerification!",
    "viewer(): Viewer!",
    "mergePlan(configYaml: String!): MergePlan!",
    "modelEvents(ref: ModelRef, heartbeatSeconds: Int): ModelEvent!",
    "modelJob(id: ID!): ModelJob",
    "modelJobEvents(id: ID!, afterSeq: Int, heartbeatSeconds: Int): ModelJobEvent!",
    "modelJobs(first: Int, after: String, where: ModelJobFilter): ModelJobConnection!",
    "pullModel(input: PullModelInput!): PullModelResult!",
    "verifyModel(input: VerifyModelInput!): VerifyModelResult!",
    "cancelModelJob(input: CancelModelJobInput!): CancelModelJobResult!",
    "removeModel(input: RemoveModelInput!): RemoveModelResult!",
    "updateModel(input: UpdateModelInput!): UpdateModelResult!",
  ].sort());
});

Deno.test("buildSchema() makes every result union a payload and errors, and every error an Error", () => {
  const unions = Object.values(schema.getTypeMap()).filter(isUnionType);
  expect(unions).toHaveLength(25);
  for (const union of unions) {
    const [payload, ...errors] = union.getTypes();
    expect(`${payload}`).toBe(union.name.replace(/Result$/, "Payload"));
    // Any of them may find the database away, or its disk full.
    expect([union.name, errors.map(String)]).toEqual([
      union.name,
      expect.arrayContaining(["CapacityError", "ForbiddenError"]),
    ]);
    for (const error of errors) expect(error.getInterfaces().map(String)).toEqual(["Error"]);
  }
});

Deno.test("buildSchema() marks the inputs of which exactly one field is given", () => {
  const oneOf = Object.values(schema.getTypeMap()).filter(isInputObjectType).filter(({ isOneOf }) => isOneOf);
  expect(oneOf.map(String).sort()).toEqual(["ConstraintInput", "ModelRef", "PromptSource"]);
});

Deno.test("buildSchema() knows every sampling parameter in its input and its outputs", () => {
  const input = schema.getType("SamplingInput");
  if (!isInputObjectType(input)) throw new Error("SamplingInput is no input type");
  const keys = Object.keys(SAMPLING).sort();
  expect(Object.keys(input.getFields()).sort()).toEqual(keys);
  for (const type of ["SamplingParams", "SamplingValues", "SamplingOrigins"]) {
    expect(Object.keys(fields(type)).sort()).toEqual(keys);
  }
});

Deno.test("buildSchema() has the enum values that clients rely on", () => {
  const values = (name: string) => {
    const type = schema.getType(name);
    return isEnumType(type) ? type.getValues().map((value) => value.name) : [];
  };
  expect(values("FinishReason")).toEqual([
    "STOP",
    "STOP_STRING",
    "LENGTH",
    "CONTEXT_FULL",
    "CANCELLED",
    "ERROR",
  ]);
  expect(values("Quantization").sort()).toEqual(["FP8_E4M3", "NONE"]);
  expect(values("ResidencyState"))
    .toEqual(["MISSING_WEIGHTS", "COLD", "LOADING", "WARM", "UNLOADING", "FAILED"]);
  expect(values("Role")).toEqual(["SYSTEM", "USER", "ASSISTANT"]);
  expect(values("MergeMode")).toEqual(["SLERP", "LERP", "MIX", "COPY"]);
  expect(values("MergeMethod")).toEqual([...METHOD_NAMES.map((name) => name.toUpperCase()), "OTHER"]);
  expect(values("DisconnectPolicy").sort()).toEqual(["CANCEL", "CONTINUE"]);
});

Deno.test("deno.lock holds one copy of graphql, which no longer complains about a second itself", async () => {
  const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  expect(Object.keys(lock.npm).filter((name) => /^graphql@/.test(name))).toHaveLength(1);
});
