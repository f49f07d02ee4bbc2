/** What a merge would do, before anybody starts it. */
import type { MergePreview, MergeProblem, PreviewedPlan, PreviewedTensor } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { MergeMethodEnum, methodValue } from "./merges.ts";

const MergeProblemObject = builder.objectRef<MergeProblem>("MergeProblem").implement({
  description: "Something that stands against a merge.",
  fields: (t) => ({
    code: t.exposeString("code", {
      description: "Stable and machine-readable, such as `CONFIG` or `MERGE`.",
    }),
    message: t.exposeString("message"),
    line: t.exposeInt("line", {
      nullable: true,
      description: "In the configuration, from 1; null for what is about checkpoints.",
    }),
    column: t.exposeInt("column", { nullable: true }),
  }),
});

const PlannedTensorObject = builder.objectRef<PreviewedTensor>("PlannedTensor").implement({
  fields: (t) => ({
    name: t.exposeString("name"),
    layer: t.exposeInt("layer", { nullable: true }),
    operation: t.exposeString("operation", { description: 'The merge method, or "copy".' }),
    filter: t.exposeString("filter", { nullable: true, description: "The filter that decided t." }),
    t: t.exposeFloat("t", { nullable: true }),
    dtype: t.exposeString("dtype"),
    shape: t.intList({ resolve: ({ shape }) => [...shape] }),
    readBytes: t.expose("readBytes", { type: "BigInt" }),
    writeBytes: t.expose("writeBytes", { type: "BigInt" }),
  }),
});
const PlannedModelObject = builder.objectRef<PreviewedPlan["models"][number]>("PlannedModel").implement({
  fields: (t) => ({
    name: t.exposeString("name"),
    weightBytes: t.expose("weightBytes", { type: "BigInt" }),
  }),
});
const PlannedFileObject = builder.objectRef<PreviewedPlan["files"][number]>("PlannedFile").implement({
  fields: (t) => ({ file: t.exposeString("file"), bytes: t.expose("bytes", { type: "BigInt" }) }),
});

const PlannedDocumentObject = builder.objectRef<MergePreview["documents"][number]>("PlannedDocument")
  .implement({
    description:
      "One document of a configuration. All but its name is null where it builds on a stage before it.",
    fields: (t) => ({
      name: t.exposeString("name", {
        nullable: true,
        description: "Of a stage; null for the one that makes the output.",
      }),
      method: t.field({
        type: MergeMethodEnum,
        nullable: true,
        resolve: ({ plan }) => plan === null ? null : methodValue(plan.method),
      }),
      baseModel: t.string({ nullable: true, resolve: ({ plan }) => plan?.baseModel ?? null }),
      dtype: t.string({ nullable: true, resolve: ({ plan }) => plan?.dtype ?? null }),
      layers: t.int({ nullable: true, resolve: ({ plan }) => plan?.layers ?? null }),
      models: t.field({
        type: [PlannedModelObject],
        nullable: true,
        resolve: ({ plan }) => plan && [...plan.models],
      }),
      files: t.field({
        type: [PlannedFileObject],
        nullable: true,
        resolve: ({ plan }) => plan && [...plan.files],
      }),
      tensors: t.field({
        type: [PlannedTensorObject],
        nullable: true,
        description: "In the order of writing.",
        resolve: ({ plan }) => plan && [...plan.tensors],
      }),
      hashBytes: t.field({ type: "BigInt", nullable: true, resolve: ({ plan }) => plan?.hashBytes ?? null }),
      readBytes: t.field({ type: "BigInt", nullable: true, resolve: ({ plan }) => plan?.readBytes ?? null }),
      writeBytes: t.field({
        type: "BigInt",
        nullable: true,
        resolve: ({ plan }) => plan?.writeBytes ?? null,
      }),
      estimatedSeconds: t.float({
        nullable: true,
        description: "On one thread of the gateway's machine, as a small part of the work has shown.",
        resolve: ({ plan }) => plan?.estimatedSeconds ?? null,
      }),
    }),
  });

const MergePlanObject = builder.objectRef<MergePreview>("MergePlan").implement({
  description:
    "What a merge would read, compute and write, or what stands against it. Problems come together, with line and column: " +
    "first those of the configuration's form (up to a hundred; text that is no YAML stops at its first), unknown methods, " +
    "and models that are nowhere; then its parameters; then what does not fit between the models.",
  fields: (t) => ({
    ok: t.boolean({ description: "It can be started.", resolve: ({ problems }) => problems.length === 0 }),
    problems: t.expose("problems", { type: [MergeProblemObject] }),
    documents: t.field({
      type: [PlannedDocumentObject],
      description: "In the order of merging.",
      resolve: ({ documents }) => [...documents],
    }),
  }),
});

builder.queryField("mergePlan", (t) =>
  t.field({
    type: MergePlanObject,
    description: "Generators. Plans a merge; nothing is written.",
    args: {
      configYaml: t.arg.string({
        required: true,
        description: "A mergekit configuration, as for `startMerge`.",
      }),
    },
    resolve: (_root, { configYaml }, { gateway, principal, signal }) =>
      gateway.merges.preview(principal, { configYaml, signal }),
  }));
