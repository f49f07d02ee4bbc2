/**
 * `geodesic keys create|list|revoke`: API keys of a data folder, managed by whoever may write to it. A running gateway
 * takes note at once, because it looks every key up.
 */
import { createAccess, LOCAL_ADMIN } from "../app/access.ts";
import { systemClock } from "../app/clock.ts";
import { uuidV7 } from "../app/ids.ts";
import type { AccessUseCases, ApiKey } from "../app/types.ts";
import { openStore } from "../store/open.ts";
import type { Command, Invocation, OptionSpec } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";

const json: OptionSpec = { type: "boolean", description: "Print the result, and errors, as JSON" };

const createCommand: Command = {
  name: "keys create",
  summary: "Make an API key and show it, once",
  positionals: [],
  options: {
    role: { type: "string", value: "ROLE", description: "generator (default), viewer or admin" },
    label: { type: "string", value: "TEXT", description: "What the key is for (default: its role)" },
    data: dataDirOption,
    json,
  },
  run: (invocation) =>
    withAccess(invocation, async (access) => {
      const role = invocation.choice("role", ["generator", "viewer", "admin"], { ignoreCase: true });
      const created = await access.createKey(LOCAL_ADMIN, {
        role: ({ generator: "GENERATOR", viewer: "VIEWER", admin: "ADMIN" } as const)[role],
        label: invocation.text("label") ?? `${role} key`,
      });
      return invocation.flag("json") ? JSON.stringify(created) : created.secret;
    }),
};

const listCommand: Command = {
  name: "keys list",
  summary: "List the API keys, without their secrets",
  positionals: [],
  options: { data: dataDirOption, json },
  run: (invocation) =>
    withAccess(invocation, async (access) => {
      const keys = await access.listKeys(LOCAL_ADMIN);
      if (invocation.flag("json")) return JSON.stringify(keys);
      return keys.length === 0 ? "There are no keys" : table(keys);
    }),
};

const revokeCommand: Command = {
  name: "keys revoke",
  summary: "Revoke an API key",
  positionals: ["ID"],
  options: { data: dataDirOption, json },
  run: (invocation) =>
    withAccess(invocation, async (access) => {
      const id = invocation.positional("ID");
      await access.revokeKey(LOCAL_ADMIN, id);
      return invocation.flag("json") ? JSON.stringify({ id }) : `Revoked ${id}`;
    }),
};

export const keysCommands: readonly Command[] = [createCommand, listCommand, revokeCommand];

/** Runs `act` on the keys of the data folder and prints what it answers. */
async function withAccess(
  invocation: Invocation,
  act: (access: AccessUseCases) => Promise<string>,
): Promise<number> {
  const db = await openStore(dataDirOf(invocation));
  try {
    const clock = systemClock;
    const access = createAccess({ db, clock, ids: uuidV7(clock), allowAnonymous: false });
    invocation.terminal.print(await act(access));
    return EXIT.done;
  } finally {
    await db.destroy();
  }
}

/** Rows under headings, in columns. */
function table(keys: readonly ApiKey[]): string {
  const rows = [
    ["ID (for keys revoke)", "KEY", "ROLE", "LABEL", "CREATED", "STATE"],
    ...keys.map(({ id, prefix, role, label, createdAt, revokedAt }) => [
      id,
      `gsk_${prefix}_…`,
      role,
      label,
      createdAt.toISOString(),
      revokedAt === null ? "in force" : `revoked ${revokedAt.toISOString()}`,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
    .join("\n");
}
