/**
 * Sessions: conversations that keep their messages. A session is visible to its owner and to admins, whose changes and
 * exports of other people's are recorded.
 */
import type { ExportedSession, Session, SessionMessage } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { MessageRoleEnum } from "./enums.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { ContextPolicyEnum } from "./generate_input.ts";
import { GenerationNode, ModelNode, SessionNode } from "./nodes.ts";
import { encodeId, parseId, requireId } from "./ids.ts";
import {
  branchLoader,
  generationLoader,
  messageLoader,
  modelLoader,
  openGenerationLoader,
} from "./loaders.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";

/** As many branches as may begin at one message. Each is looked up with its own. */
const BRANCHES = { field: 1, multiplier: 100 };
/** A whole session, up to 32 million bytes. */
const EXPORT = { field: 1_000, multiplier: 1 };

const MessageObject = builder.objectRef<SessionMessage>("Message");
MessageObject.implement({
  fields: (t) => ({
    id: t.exposeID("id", { description: "Unique within the gateway; not a Node." }),
    role: t.expose("role", { type: MessageRoleEnum }),
    content: t.exposeString("content"),
    generation: t.field({
      type: GenerationNode,
      nullable: true,
      description: "The generation that the message prompted or is the answer of.",
      resolve: ({ generationId: id }, _args, context) =>
        id === null ? null : generationLoader(context).load(id),
    }),
    parentId: t.exposeID("parentId", {
      nullable: true,
      description: "The message before it; null for a first one.",
    }),
    siblings: t.field({
      type: [MessageObject],
      description: "Everything that follows the same message, itself included, oldest first.",
      complexity: BRANCHES,
      resolve: async ({ sessionId, parentId: messageId }, _args, context) => [
        ...await branchLoader(context).load({ sessionId, messageId }),
      ],
    }),
    branchIndex: t.int({
      description: "Its place among its siblings, from 0.",
      resolve: ({ id, siblingIds }) => siblingIds.indexOf(id),
    }),
    branchCount: t.int({
      description: "How many siblings there are, itself included.",
      resolve: ({ siblingIds }) => siblingIds.length,
    }),
    children: t.field({
      type: [MessageObject],
      description: "What follows it, one a branch, oldest first.",
      complexity: BRANCHES,
      resolve: async ({ sessionId, id: messageId }, _args, context) => [
        ...await branchLoader(context).load({ sessionId, messageId }),
      ],
    }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
  }),
});
const MessageConnection = builder.connectionObject({ type: MessageObject, name: "MessageConnection" }, {
  name: "MessageEdge",
});

builder.node(SessionNode, {
  description:
    "A conversation. A prompt with its id continues it. Visible to its owner and to admins; when an admin changes, " +
    "continues, deletes or exports somebody else's, that is an entry of the audit log (reading is none).",
  id: { resolve: (session) => session.id },
  loadOne: (id, { gateway, principal }) => gateway.sessions.get(principal, id),
  fields: (t) => ({
    title: t.exposeString("title", {
      nullable: true,
      description: "Of the first question unless somebody gave one.",
    }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The model it was begun with; null once that is gone.",
      resolve: (session, _args, context) => modelLoader(context).load(session.modelId),
    }),
    messages: t.field({
      type: MessageConnection,
      description: "A branch, oldest first.",
      args: {
        ...FORWARD_ARGS,
        branch: t.arg.id({
          description: "The message that the branch ends with; the current branch unless given.",
        }),
      },
      complexity: pageComplexity,
      resolve: async (session, args, { gateway, principal }) =>
        toConnection(
          await gateway.sessions.messages(principal, session.id, toPageArgs(args), args.branch ?? undefined),
          args,
        ),
    }),
    activeBranch: t.field({
      type: MessageObject,
      nullable: true,
      description: "The message that the current branch ends with; null while there is none.",
      resolve: ({ activeMessageId: id }, _args, context) =>
        id === null ? null : messageLoader(context).load(id),
    }),
    openGeneration: t.field({
      type: GenerationNode,
      nullable: true,
      description: "What the session waits for; null when it is free.",
      resolve: ({ id }, _args, context) => openGenerationLoader(context).load(id),
    }),
    contextPolicy: t.expose("contextPolicy", { type: ContextPolicyEnum }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    updatedAt: t.expose("updatedAt", { type: "DateTime" }),
  }),
});

const SessionConnection = builder.connectionObject({ type: SessionNode, name: "SessionConnection" }, {
  name: "SessionEdge",
});

const SessionFilter = builder.inputType("SessionFilter", {
  fields: (t) => ({ titleContains: t.string({ description: "Case of A to Z does not count." }) }),
});

const ExportFormatEnum = builder.enumType("ExportFormat", {
  values: {
    JSON: { description: "All branches with everything that is known of every answer." },
    MARKDOWN: { description: "The current branch, to read." },
  } as const,
});
const SessionExportObject = builder.objectRef<ExportedSession>("SessionExport").implement({
  fields: (t) => ({
    fileName: t.exposeString("fileName"),
    mediaType: t.exposeString("mediaType"),
    content: t.exposeString("content"),
  }),
});

builder.queryFields((t) => ({
  exportSession: t.field({
    type: SessionExportObject,
    description: "A session as a file.",
    complexity: EXPORT,
    args: { id: t.arg.id({ required: true }), format: t.arg({ type: ExportFormatEnum, required: true }) },
    resolve: (_root, { id, format }, { gateway, principal }) =>
      gateway.sessions.export(principal, requireId("Session", id), format),
  }),
  session: t.field({
    type: SessionNode,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, { gateway, principal }) => {
      const id = parseId("Session", args.id);
      return id === null ? null : gateway.sessions.get(principal, id);
    },
  }),
  sessions: t.field({
    type: SessionConnection,
    description: "Your own, the latest first; an admin's are everybody's.",
    args: { ...FORWARD_ARGS, where: t.arg({ type: SessionFilter }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway, principal }) => {
      const where = args.where?.titleContains != null ? { titleContains: args.where.titleContains } : {};
      return toConnection(await gateway.sessions.list(principal, toPageArgs(args), where), args);
    },
  }),
}));

const CREATE_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const DELETE_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const CHANGE_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;

function sessionPayload(name: string) {
  return builder.objectRef<{ readonly session: Session }>(name).implement({
    fields: (t) => ({ session: t.expose("session", { type: SessionNode }) }),
  });
}
const RenameSessionPayload = sessionPayload("RenameSessionPayload");
const RenameSessionResult = builder.unionType("RenameSessionResult", {
  types: [RenameSessionPayload, ...errorTypes(CHANGE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RenameSessionPayload"),
});
const SetContextPolicyPayload = sessionPayload("SetContextPolicyPayload");
const SetContextPolicyResult = builder.unionType("SetContextPolicyResult", {
  types: [SetContextPolicyPayload, ...errorTypes(CHANGE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "SetContextPolicyPayload"),
});
const SelectBranchPayload = sessionPayload("SelectBranchPayload");
const SelectBranchResult = builder.unionType("SelectBranchResult", {
  types: [SelectBranchPayload, ...errorTypes(CHANGE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "SelectBranchPayload"),
});
const RenameSessionInput = builder.inputType("RenameSessionInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    title: t.string({ description: "Up to 200 characters; without one, the first question's words again." }),
  }),
});
const SetContextPolicyInput = builder.inputType("SetContextPolicyInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    contextPolicy: t.field({ type: ContextPolicyEnum, required: true }),
  }),
});
const SelectBranchInput = builder.inputType("SelectBranchInput", {
  fields: (t) => ({ messageId: t.id({ required: true }) }),
});

const CreateSessionPayload = builder.objectRef<{ readonly session: Session }>("CreateSessionPayload")
  .implement({
    fields: (t) => ({ session: t.expose("session", { type: SessionNode }) }),
  });
const CreateSessionResult = builder.unionType("CreateSessionResult", {
  types: [CreateSessionPayload, ...errorTypes(CREATE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "CreateSessionPayload"),
});
const DeleteSessionPayload = builder.objectRef<{ readonly deletedId: string }>("DeleteSessionPayload")
  .implement({
    fields: (t) => ({ deletedId: t.exposeID("deletedId") }),
  });
const DeleteSessionResult = builder.unionType("DeleteSessionResult", {
  types: [DeleteSessionPayload, ...errorTypes(DELETE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "DeleteSessionPayload"),
});

const CreateSessionInput = builder.inputType("CreateSessionInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, required: true }),
    title: t.string(),
    contextPolicy: t.field({ type: ContextPolicyEnum, description: "REFUSE unless given." }),
    systemPrompt: t.string({ description: "Becomes the first message, where the model takes one." }),
  }),
});
const DeleteSessionInput = builder.inputType("DeleteSessionInput", {
  fields: (t) => ({ id: t.id({ required: true }) }),
});

builder.mutationFields((t) => ({
  createSession: t.field({
    type: CreateSessionResult,
    args: { input: t.arg({ type: CreateSessionInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CREATE_ERRORS, async () => ({
        session: await gateway.sessions.create(principal, {
          model: toModelRef(input.model),
          ...(input.contextPolicy != null ? { contextPolicy: input.contextPolicy } : {}),
          ...(input.title != null ? { title: input.title } : {}),
          ...(input.systemPrompt != null ? { systemPrompt: input.systemPrompt } : {}),
        }),
      })),
  }),
  renameSession: t.field({
    type: RenameSessionResult,
    args: { input: t.arg({ type: RenameSessionInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CHANGE_ERRORS, async () => ({
        session: await gateway.sessions.rename(
          principal,
          requireId("Session", input.id),
          input.title ?? null,
        ),
      })),
  }),
  setContextPolicy: t.field({
    type: SetContextPolicyResult,
    description: "For the session's next prompts.",
    args: { input: t.arg({ type: SetContextPolicyInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CHANGE_ERRORS, async () => ({
        session: await gateway.sessions.setContextPolicy(
          principal,
          requireId("Session", input.id),
          input.contextPolicy,
        ),
      })),
  }),
  selectBranch: t.field({
    type: SelectBranchResult,
    description: "Makes the newest branch through this message the current one.",
    args: { input: t.arg({ type: SelectBranchInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CHANGE_ERRORS, async () => ({
        session: await gateway.sessions.selectBranch(principal, input.messageId),
      })),
  }),
  deleteSession: t.field({
    type: DeleteSessionResult,
    description:
      "Deletes the conversation: messages, and what its generations (and those that ran them again) were asked and " +
      "said. Cancels what runs first. Counts stay.",
    args: { input: t.arg({ type: DeleteSessionInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(DELETE_ERRORS, async () => {
        const id = requireId("Session", input.id);
        await gateway.sessions.delete(principal, id);
        return { deletedId: encodeId("Session", id) };
      }),
  }),
}));
