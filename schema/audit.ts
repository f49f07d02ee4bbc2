/** The audit log: reading it and proving its chain. Admins only; the use cases see to that. */
import type { AuditEntry, AuditVerification } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";

const AuditEntryObject = builder.objectRef<AuditEntry>("AuditEntry").implement({
  description: "One act of an admin. Never changed afterwards; its hash proves that.",
  fields: (t) => ({
    seq: t.exposeInt("seq", { description: "From 1, without gaps." }),
    at: t.expose("at", { type: "DateTime" }),
    actorId: t.exposeString("actorId", {
      description: 'Id of the key, or "local" for the command line on the gateway\'s machine.',
    }),
    actorLabel: t.exposeString("actorLabel", {
      nullable: true,
      description: "What the key was called at that time.",
    }),
    action: t.exposeString("action", { description: "Such as `key.create` or `samplingDefaults.update`." }),
    target: t.exposeString("target", {
      nullable: true,
      description: "What was acted upon: the id that the act's own answer names, not a Node.",
    }),
    details: t.exposeString("details", {
      description: "JSON. Holds no secret, and nothing that was said to models.",
    }),
    previousHash: t.expose("previousHash", {
      type: "Sha256",
      description: "Of the entry before; zeros for the first.",
    }),
    hash: t.expose("hash", {
      type: "Sha256",
      description:
        "Over the JSON object of all other fields, named as here (details as JSON), keys sorted, without white space.",
    }),
  }),
});

const AuditEntryConnection = builder.connectionObject({
  type: AuditEntryObject,
  name: "AuditEntryConnection",
});

const AuditVerificationObject = builder.objectRef<AuditVerification>("AuditVerification").implement({
  description: "What reading the whole log and computing every hash anew has shown.",
  fields: (t) => ({
    isIntact: t.exposeBoolean("isIntact"),
    entries: t.exposeInt("entries", { description: "That hold, from the first." }),
    headHash: t.expose("headHash", {
      type: "Sha256",
      description: "Of the last of them. Note it elsewhere: a log that was made anew ends otherwise.",
    }),
    brokenSeq: t.exposeInt("brokenSeq", { nullable: true, description: "The first that does not hold." }),
    reason: t.exposeString("reason", { nullable: true }),
  }),
});

const AuditFilterInput = builder.inputType("AuditFilter", {
  fields: (t) => ({
    actorId: t.string(),
    action: t.string(),
    target: t.string(),
  }),
});

builder.queryFields((t) => ({
  auditLog: t.field({
    type: AuditEntryConnection,
    description: "Admins. The newest first.",
    args: { ...FORWARD_ARGS, where: t.arg({ type: AuditFilterInput }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway, principal }) => {
      const given = Object.entries(args.where ?? {}).filter(([, value]) => value != null);
      return toConnection(
        await gateway.audit.list(principal, toPageArgs(args), Object.fromEntries(given)),
        args,
      );
    },
  }),
  verifyAuditLog: t.field({
    type: AuditVerificationObject,
    description: "Admins. Reads every entry and computes its hash anew.",
    // As much as a hundred fields: it reads everything.
    complexity: 100,
    resolve: (_root, _args, { gateway, principal }) => gateway.audit.verify(principal),
  }),
}));
