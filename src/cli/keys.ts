/**
 * `geodesic keys create|list|revoke`: API keys of a data folder, managed by whoever may write to it. A running gateway
 * takes note at once, because it looks every key up.
 */
import { createAccess, LOCAL_ADMIN, MAX_LABEL_LENGTH } from "../app/access.ts";
import { systemClock } from "../app/clock.ts";
import { isDay } from "../app/day.ts";
import { uuidV7 } from "../app/ids.ts";
import { ConfigError, NotFoundError } from "../errors.ts";
import type { AccessUseCases, ApiKey } from "../app/types.ts";
import type { Command, Invocation, OptionSpec } from "./command.ts";
import { dataDirOption, openExistingStore, openInvocationStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { printable } from "./printable.ts";
import { table } from "./table.ts";

const json: OptionSpec = { type: "boolean", description: "Print the result, and errors, as JSON" };

const createCommand: Command = {
  name: "keys create",
  summary: "Make an API key and show it, once",
  positionals: [],
  options: {
    role: { type: "string", value: "ROLE", description: "generator (default), viewer or admin" },
    label: { type: "string", value: "TEXT", description: "What the key is for (default: its role)" },
    expires: {
      type: "string",
      value: "WHEN",
      description: "Days from now as in 90d, or a date as in 2030-01-31 (default: never)",
    },
    data: dataDirOption,
    json,
  },
  run: (invocation) => {
    const role = invocation.choice("role", ["generator", "viewer", "admin"], { ignoreCase: true });
    const key = {
      role: ({ generator: "GENERATOR", viewer: "VIEWER", admin: "ADMIN" } as const)[role],
      label: labelOf(invocation) ?? `${role} key`,
      expiresAt: expiryOf(invocation),
    };
    return withAccess(invocation, openInvocationStore, async (access) => {
      const created = await access.createKey(LOCAL_ADMIN, key);
      if (invocation.flag("json")) return JSON.stringify(created);
      const { id, role: as, expiresAt } = created.key;
      const expiry = expiresAt === null ? "never expires" : `expires ${expiresAt.toISOString()}`;
      invocation.terminal.writeStatus(`${as}, ${expiry}, ID ${id}; shown this once\n`);
      return created.secret;
    });
  },
};

function labelOf(invocation: Invocation): string | undefined {
  const label = invocation.text("label")?.trim();
  if (label === undefined || (label !== "" && label.length <= MAX_LABEL_LENGTH)) return label;
  const found = label === "" ? '""' : `of ${label.length} characters`;
  throw invocation.usageError(`--label is ${found}, expected 1 … ${MAX_LABEL_LENGTH} characters`);
}

const MAX_DAYS = 36_500;
const DAY_MS = 86_400_000;

/** `90d`, `2030-01-31` (its first moment in UTC) or a whole ISO 8601 time. */
function expiryOf(invocation: Invocation): Date | null {
  const text = invocation.text("expires");
  if (text === undefined) return null;
  const days = Number(/^(\d{1,5})d$/.exec(text)?.[1] ?? NaN);
  if (days >= 1 && days <= MAX_DAYS) return new Date(systemClock.now().getTime() + days * DAY_MS);
  const date = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? new Date(text) : new Date(NaN);
  if (!Number.isNaN(date.getTime()) && isDay(text.slice(0, 10))) {
    if (date > systemClock.now()) return date;
    throw new ConfigError(`Cannot create a key: --expires is "${text}", which has passed`, {
      field: "expires",
    });
  }
  throw invocation.usageError(
    `--expires is "${text}", expected days up to ${MAX_DAYS} as in 90d, or a date as in 2030-01-31`,
  );
}

const listCommand: Command = {
  name: "keys list",
  summary: "List the API keys, without their secrets",
  positionals: [],
  options: { data: dataDirOption, json },
  run: (invocation) =>
    withAccess(invocation, openExistingStore, async (access) => {
      const keys = await access.listKeys(LOCAL_ADMIN);
      if (invocation.flag("json")) return JSON.stringify(keys);
      return keys.length === 0 ? "There are no keys" : tableOf(keys);
    }),
};

const revokeCommand: Command = {
  name: "keys revoke",
  summary: "Revoke an API key",
  positionals: ["ID"],
  options: { data: dataDirOption, json },
  notes:
    'ID is what "geodesic keys list" shows, or the beginning of the key itself, such as gsk_0123456789ab.',
  run: (invocation) =>
    withAccess(invocation, openExistingStore, async (access) => {
      const id = idInForce(await access.listKeys(LOCAL_ADMIN), invocation.positional("ID"));
      await access.revokeKey(LOCAL_ADMIN, id);
      return invocation.flag("json") ? JSON.stringify({ id }) : `Revoked ${id}`;
    }),
};

/** Of the key that was meant; a secret that was given whole is not repeated in the error. */
function idInForce(keys: readonly ApiKey[], given: string): string {
  const [, prefix] = /^gsk_([0-9a-f]+)(?:_.*)?$/.exec(given) ?? [];
  const key = keys.find((key) =>
    key.revokedAt === null && (prefix === undefined ? key.id === given : key.prefix === prefix)
  );
  if (key !== undefined) return key.id;
  const [what, shown] = prefix === undefined ? ["the ID", given] : ["the beginning", `gsk_${prefix}`];
  throw new NotFoundError(`No API key with ${what} "${shown}" in force: "geodesic keys list" shows them`, {
    ...{ id: shown },
  });
}

export const keysCommands: readonly Command[] = [createCommand, listCommand, revokeCommand];

/** Runs `act` on the keys of the data folder and prints what it answers. */
async function withAccess(
  invocation: Invocation,
  open: typeof openExistingStore,
  act: (access: AccessUseCases) => Promise<string>,
): Promise<number> {
  const db = await open(invocation);
  try {
    const clock = systemClock;
    await using access = createAccess({ db, clock, ids: uuidV7(clock), allowAnonymous: false });
    invocation.terminal.print(await act(access));
    return EXIT.done;
  } finally {
    await db.destroy();
  }
}

function tableOf(keys: readonly ApiKey[]): string {
  return table([
    ["ID (for keys revoke)", "KEY", "ROLE", "LABEL", "CREATED", "LAST USED", "EXPIRES", "STATE"],
    ...keys.map(({ id, prefix, role, label, createdAt, lastUsedAt, expiresAt, revokedAt }) => [
      id,
      `gsk_${prefix}_…`,
      role,
      printable(label),
      createdAt.toISOString(),
      lastUsedAt?.toISOString() ?? "never",
      expiresAt?.toISOString() ?? "never",
      revokedAt !== null
        ? `revoked ${revokedAt.toISOString()}`
        : expiresAt !== null && expiresAt <= systemClock.now()
        ? "expired"
        : "in force",
    ]),
  ]);
}
