/** `geodesic audit list|verify`: what admins have done, and the proof that nobody has changed the record since. */
import { createAudit } from "../app/audit.ts";
import { LOCAL_ADMIN } from "../app/access.ts";
import type { AuditEntry, AuditUseCases } from "../app/types.ts";
import type { Command, Invocation, OptionSpec } from "./command.ts";
import { dataDirOption, openExistingStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { printable } from "./printable.ts";
import { printVerdict } from "./verdict.ts";

const json: OptionSpec = { type: "boolean", description: "Print the result, and errors, as JSON" };
const DEFAULT_LAST = 20;
const MAX_LAST = 10_000;
const PAGE = 100;

const listCommand: Command = {
  name: "audit list",
  summary: "List the acts of admins, the newest last",
  positionals: [],
  options: {
    last: {
      type: "string",
      value: "N",
      description: `How many, up to ${MAX_LAST} (default ${DEFAULT_LAST})`,
    },
    data: dataDirOption,
    json,
  },
  run: (invocation) =>
    withAudit(invocation, async (audit) => {
      const last = invocation.integer("last", { min: 1, max: MAX_LAST }) ?? DEFAULT_LAST;
      const entries = await newest(audit, last);
      for (const entry of entries.toReversed()) {
        invocation.terminal.print(invocation.flag("json") ? JSON.stringify(entry) : lineOf(entry));
      }
      return EXIT.done;
    }),
};

const verifyCommand: Command = {
  name: "audit verify",
  summary: "Compute every hash of the audit log anew",
  positionals: [],
  options: { data: dataDirOption, json },
  notes:
    "Exit code 1 where an entry was changed, removed or moved, naming the first one. Note the hash that is printed in\n" +
    "another place: a log that somebody has made anew from its beginning ends with another hash.",
  run: (invocation) =>
    withAudit(invocation, async (audit) => {
      const found = await audit.verify(LOCAL_ADMIN);
      const words = invocation.flag("json")
        ? JSON.stringify(found)
        : found.isIntact
        ? intact(found)
        : `Entry ${found.brokenSeq} is broken: ${found.reason}`;
      return printVerdict(invocation.terminal, words, found.isIntact);
    }),
};

export const auditCommands: readonly Command[] = [listCommand, verifyCommand];

async function newest(audit: AuditUseCases, count: number): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let after: string | undefined;
  while (entries.length < count) {
    const first = Math.min(PAGE, count - entries.length);
    const page = await audit.list(LOCAL_ADMIN, { first, ...(after !== undefined && { after }) });
    entries.push(...page.edges.map(({ node }) => node));
    after = page.edges.at(-1)?.cursor;
    if (!page.hasNextPage) break;
  }
  return entries;
}

function intact({ entries, headHash }: { readonly entries: number; readonly headHash: string }): string {
  if (entries === 0) return "No entries yet";
  return `${
    entries === 1 ? "1 entry, intact" : `${entries} entries, all intact`
  }; the last has the hash ${headHash}`;
}

function lineOf({ seq, at, actorId, actorLabel, action, target, details }: AuditEntry): string {
  const who = actorLabel === null ? actorId : `${actorId} (${actorLabel})`;
  return printable(`${seq}  ${at.toISOString()}  ${who}  ${action}  ${target ?? "-"}  ${details}`);
}

async function withAudit(
  invocation: Invocation,
  act: (audit: AuditUseCases) => Promise<number>,
): Promise<number> {
  const db = await openExistingStore(invocation);
  try {
    return await act(createAudit({ db }));
  } finally {
    await db.destroy();
  }
}
