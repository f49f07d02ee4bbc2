/** Merging over the API: what waits, runs and has run; starting one and cancelling it (admins). */
import type { Merge, MergeFilter } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { QuantizationEnum } from "./enums.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { requireId } from "./ids.ts";
import { MergeStatusEnum } from "./merges.ts";
import { MergeNode } from "./nodes.ts";

const MergeConnection = builder.connectionObject({ type: MergeNode, name: "MergeConnection" }, {
  name: "MergeEdge",
});

const MergeFilterInput = builder.inputType("MergeFilter", {
  description: "All conditions must hold. One that is null is none.",
  fields: (t) => ({
    status: t.field({ type: MergeStatusEnum }),
    nameContains: t.string({ description: "Part of the result's name, as it was asked for." }),
  }),
});

builder.queryField("merges", (t) =>
  t.field({
    type: MergeConnection,
    description: "The latest first.",
    args: { ...FORWARD_ARGS, where: t.arg({ type: MergeFilterInput }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway }) =>
      toConnection(await gateway.merges.list(toPageArgs(args), toFilter(args.where ?? {})), args),
  }));

function toFilter({ status, nameContains }: typeof MergeFilterInput.$inferInput): MergeFilter {
  return { ...(status != null ? { status } : {}), ...(nameContains != null ? { nameContains } : {}) };
}

const START_ERRORS = ["CONFIG", "FORMAT", "MERGE", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const CANCEL_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;

function mergePayload(name: string) {
  return builder.objectRef<{ readonly merge: Merge }>(name).implement({
    fields: (t) => ({ merge: t.expose("merge", { type: MergeNode }) }),
  });
}
const StartMergePayload = mergePayload("StartMergePayload");
const StartMergeResult = builder.unionType("StartMergeResult", {
  types: [StartMergePayload, ...errorTypes(START_ERRORS)],
  resolveType: (value) => resultTypeName(value, "StartMergePayload"),
});
const CancelMergePayload = mergePayload("CancelMergePayload");
const CancelMergeResult = builder.unionType("CancelMergeResult", {
  types: [CancelMergePayload, ...errorTypes(CANCEL_ERRORS)],
  resolveType: (value) => resultTypeName(value, "CancelMergePayload"),
});

const StartMergeInput = builder.inputType("StartMergeInput", {
  fields: (t) => ({
    configYaml: t.string({
      required: true,
      description:
        "A mergekit configuration. Its models are names of registered models, or folders inside those that the " +
        "gateway was told it may read (GEODESIC_MODELS, and its own library).",
    }),
    name: t.string({ required: true, description: "Of the result: owner/name, or a name alone." }),
    quantization: t.field({
      type: QuantizationEnum,
      description: "How the result's weights are held on the device; the gateway's default unless given.",
    }),
  }),
});
const CancelMergeInput = builder.inputType("CancelMergeInput", {
  fields: (t) => ({ id: t.id({ required: true }) }),
});

builder.mutationFields((t) => ({
  startMerge: t.field({
    type: StartMergeResult,
    description:
      "Admins. Checks configuration, parents and name, queues the merge and answers at once; watch it with " +
      "`mergeEvents`. The result is registered under the name.",
    args: { input: t.arg({ type: StartMergeInput, required: true }) },
    resolve: (_root, { input: { configYaml, name, quantization } }, { gateway, principal }) =>
      expected(START_ERRORS, async () => ({
        merge: await gateway.merges.start(principal, {
          ...{ configYaml, name },
          ...(quantization != null ? { quantization } : {}),
        }),
      })),
  }),
  cancelMerge: t.field({
    type: CancelMergeResult,
    description: "Admins. Idempotent; a merge that has ended stays as it is.",
    args: { input: t.arg({ type: CancelMergeInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CANCEL_ERRORS, async () => ({
        merge: await gateway.merges.cancel(principal, requireId("Merge", input.id)),
      })),
  }),
}));
