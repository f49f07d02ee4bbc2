/** Sessions: conversations that keep their messages. A session is visible to its owner and to admins. */
import type { Session, SessionMessage } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { MessageRoleEnum } from "./enums.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { GenerationNode } from "./generations.ts";
import { encodeId, parseId, requireId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { ModelNode, ModelRefInput, toModelRef } from "./models.ts";

const MessageObject = builder.objectRef<SessionMessage>("Message").implement({
  fields: (t) => ({
    id: t.exposeID("id", { description: "Unique within the gateway; not a Node." }),
    role: t.expose("role", { type: MessageRoleEnum }),
    content: t.exposeString("content"),
    generation: t.field({
      type: GenerationNode,
      nullable: true,
      description: "The generation that the message prompted or is the answer of.",
      resolve: (message, _args, { gateway, principal }) =>
        message.generationId === null ? null : gateway.generations.get(principal, message.generationId),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
  }),
});
const MessageConnection = builder.connectionObject({ type: MessageObject, name: "MessageConnection" }, {
  name: "MessageEdge",
});

export const SessionNode = builder.objectRef<Session>("Session");
builder.node(SessionNode, {
  description: "A conversation. A prompt with its id continues it.",
  id: { resolve: (session) => session.id },
  loadOne: (id, { gateway, principal }) => gateway.sessions.get(principal, id),
  fields: (t) => ({
    title: t.exposeString("title", { nullable: true }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The model it was begun with; null once that is gone.",
      resolve: (session, _args, context) => modelLoader(context).load(session.modelId),
    }),
    messages: t.field({
      type: MessageConnection,
      description: "Oldest first.",
      args: FORWARD_ARGS,
      complexity: pageComplexity,
      resolve: async (session, args, { gateway, principal }) =>
        toConnection(await gateway.sessions.messages(principal, session.id, toPageArgs(args)), args),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    updatedAt: t.expose("updatedAt", { type: "DateTime" }),
  }),
});

const SessionConnection = builder.connectionObject({ type: SessionNode, name: "SessionConnection" }, {
  name: "SessionEdge",
});

builder.queryFields((t) => ({
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
    args: FORWARD_ARGS,
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway, principal }) =>
      toConnection(await gateway.sessions.list(principal, toPageArgs(args)), args),
  }),
}));

const CREATE_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const DELETE_ERRORS = ["NOT_FOUND", "FORBIDDEN"] as const;

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
          ...(input.title != null ? { title: input.title } : {}),
          ...(input.systemPrompt != null ? { systemPrompt: input.systemPrompt } : {}),
        }),
      })),
  }),
  deleteSession: t.field({
    type: DeleteSessionResult,
    description: "Deletes the conversation and its messages.",
    args: { input: t.arg({ type: DeleteSessionInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(DELETE_ERRORS, async () => {
        const id = requireId("Session", input.id);
        await gateway.sessions.delete(principal, id);
        return { deletedId: encodeId("Session", id) };
      }),
  }),
}));
