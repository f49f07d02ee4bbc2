/** Who may come in, and by which key. */
import { expect } from "@std/expect";
import { createAccess, ensureAdminKey } from "../../src/app/access.ts";
import { uuidV7 } from "../../src/app/ids.ts";
import { ANONYMOUS, requireRole } from "../../src/app/roles.ts";
import type { Principal } from "../../src/app/types.ts";
import { openStore } from "../../src/store/open.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, ManualClock } from "../support/gateway.ts";
import { tempDir } from "../support/temp.ts";

async function setUp(allowAnonymous: boolean) {
  const dir = await tempDir();
  const clock = new ManualClock();
  const options = { db: await openStore(dir.path), clock, ids: uuidV7(clock), allowAnonymous };
  const access = createAccess(options);
  return {
    options,
    clock,
    access,
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]();
      await options.db.destroy();
      await dir[Symbol.asyncDispose]();
    },
  };
}

Deno.test("access.authenticate() knows the key that createKey() gave, by its role", async () => {
  await using test = await setUp(false);
  const { access } = test;
  for (const role of ["VIEWER", "GENERATOR", "ADMIN"] as const) {
    const { key, secret } = await access.createKey(ADMIN, { role, label: `for ${role}` });
    expect(secret).toMatch(/^gsk_[0-9a-f]{12}_[0-9a-f]{48}$/);
    const principal = { id: key.id, role, label: `for ${role}`, expiresAt: null };
    expect(await access.authenticate(`Bearer ${secret}`)).toEqual(principal);
    expect(await access.authenticate(`bearer  ${secret} `)).toEqual(principal);
  }
  expect((await access.listKeys(ADMIN)).map((key) => key.label)).toEqual([
    "for VIEWER",
    "for GENERATOR",
    "for ADMIN",
  ]);
});

Deno.test("access.authenticate() says one thing to every wrong key", async () => {
  await using test = await setUp(true);
  const { access } = test;
  const { secret } = await access.createKey(ADMIN, { role: "ADMIN", label: "x" });
  const revoked = await access.createKey(ADMIN, { role: "ADMIN", label: "y" });
  await access.revokeKey(ADMIN, revoked.key.id);
  const flipped = secret.slice(0, -1) + (secret.endsWith("0") ? "1" : "0");
  const wrong = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer nonsense",
    `Basic ${secret}`,
    secret,
    `Bearer ${secret} extra`,
    `Bearer ${flipped}`,
    `Bearer ${secret.slice(0, -1)}`,
    `Bearer ${secret.toUpperCase()}`,
    `Bearer gsk_${"0".repeat(12)}_${secret.slice(-48)}`,
    `Bearer ${revoked.secret}`,
  ];
  for (const header of wrong) {
    const error = await failure(access.authenticate(header));
    expect([header, error.code, error.message]).toEqual([header, "FORBIDDEN", "Unknown or revoked API key"]);
  }
});

Deno.test("access.authenticate() lets nobody in without a key unless told so", async () => {
  await using open = await setUp(true);
  expect(await open.access.authenticate(null)).toEqual({ id: "anonymous", role: "GENERATOR" });
  await using closed = await setUp(false);
  expect((await failure(closed.access.authenticate(null))).code).toBe("FORBIDDEN");
});

Deno.test("access keeps no secret", async () => {
  await using test = await setUp(false);
  const { secret } = await test.access.createKey(ADMIN, { role: "VIEWER", label: "x" });
  const rows = JSON.stringify(await test.options.db.selectFrom("api_keys").selectAll().execute());
  expect(rows).not.toContain(secret.slice(-48));
  expect(rows).toContain(secret.slice(4, 16));
});

Deno.test("access.createKey(), listKeys() and revokeKey() are for admins", async () => {
  await using test = await setUp(false);
  const { access } = test;
  expect((await failure(access.createKey(ALICE, { role: "ADMIN", label: "x" }))).code).toBe("FORBIDDEN");
  expect((await failure(access.listKeys(ALICE))).code).toBe("FORBIDDEN");
  expect((await failure(access.revokeKey(ALICE, "x"))).code).toBe("FORBIDDEN");
  expect((await failure(access.revokeKey(ADMIN, "x"))).code).toBe("NOT_FOUND");
  for (const label of ["", " ", "x".repeat(101)]) {
    expect((await failure(access.createKey(ADMIN, { role: "VIEWER", label }))).details["field"]).toBe(
      "label",
    );
  }
});

Deno.test("ensureAdminKey() gives a key once", async () => {
  await using test = await setUp(false);
  const made = await Promise.all([1, 2].map(() => ensureAdminKey(test.options))); // two gateways that start at once
  expect(made.filter((one) => one !== null).length).toBe(1);
  const secret = made.find((one) => one !== null);
  expect(await test.access.authenticate(`Bearer ${secret}`)).toMatchObject({ role: "ADMIN" });
  expect(await ensureAdminKey(test.options)).toBeNull();
  const [key] = await test.access.listKeys(ADMIN);
  await test.access.revokeKey(ADMIN, key!.id);
  expect(await ensureAdminKey(test.options)).toBeNull(); // revoking is not a way to get another
});

Deno.test("a key lets nobody in from the moment it expires", async () => {
  await using test = await setUp(false);
  const { access, clock } = test;
  const expiresAt = new Date(clock.now().getTime() + 1000);
  const { key, secret } = await access.createKey(ADMIN, { role: "VIEWER", label: "x", expiresAt });
  expect(key.expiresAt).toEqual(expiresAt);
  const principal = await access.authenticate(`Bearer ${secret}`);
  expect(access.validity(principal)).toEqual({ remainingMs: 1000, isRevoked: false });
  expect(access.validity(ALICE)).toEqual({ remainingMs: null, isRevoked: false });
  clock.advance(1000);
  expect(access.validity(principal).remainingMs).toBe(0);
  const error = await failure(access.authenticate(`Bearer ${secret}`));
  expect([error.code, error.message]).toEqual(["FORBIDDEN", "Unknown or revoked API key"]);
  const past = await failure(access.createKey(ADMIN, { role: "VIEWER", label: "x", expiresAt }));
  expect([past.code, past.details["field"]]).toEqual(["CONFIG", "expiresAt"]);
});

Deno.test("access notes the last use of a key, at most once a minute", async () => {
  await using test = await setUp(false);
  const { access, clock } = test;
  const { secret } = await access.createKey(ADMIN, { role: "VIEWER", label: "x" });
  const lastUse = async () => (await access.listKeys(ADMIN))[0]!.lastUsedAt?.getTime() ?? null;
  const use = async () => {
    await access.authenticate(`Bearer ${secret}`);
    clock.advance(1_000);
    await access.listKeys(ADMIN); // behind the write, for there is one connection
  };
  expect(await lastUse()).toBeNull();
  await use();
  const first = await lastUse();
  expect(first).toBe(clock.now().getTime());
  clock.advance(30_000);
  await use();
  expect(await lastUse()).toBe(first);
  clock.advance(30_000);
  await use();
  expect(await lastUse()).toBe(clock.now().getTime());
  clock.advance(-3_600_000);
  await use();
  expect(await lastUse()).toBe(clock.now().getTime());
});

Deno.test("access.onRevoked() tells of a key once, whoever has revoked it", async () => {
  await using test = await setUp(false);
  await using other = createAccess(test.options); // as another process on the same database
  const { access, clock } = test;
  const make = async (label: string) => (await access.createKey(ADMIN, { role: "VIEWER", label })).key.id;
  const [before, mine, theirs, late] = [await make("a"), await make("b"), await make("c"), await make("d")];
  await access.revokeKey(ADMIN, before);
  const heard: string[] = [];
  const listening = access.onRevoked((id) => heard.push(id));
  await access.listKeys(ADMIN);
  await access.revokeKey(ADMIN, mine);
  expect(heard).toEqual([mine]);
  await other.revokeKey(ADMIN, theirs);
  expect(heard).toEqual([mine]);
  for (let poll = 0; poll < 2; poll++) {
    clock.advance(1_000);
    await access.listKeys(ADMIN);
  }
  expect(heard).toEqual([mine, theirs]);
  // Who was let in before it was told, and asks after it, finds it here.
  const isRevoked = (id: string) => access.validity({ id, role: "VIEWER" }).isRevoked;
  expect([isRevoked(theirs), isRevoked(late)]).toEqual([true, false]);
  listening[Symbol.dispose]();
  await access.revokeKey(ADMIN, late);
  expect(heard).toEqual([mine, theirs]);
});

Deno.test("who lacks a role is told which it takes, and who has no key that one is wanted", () => {
  const refusal = (principal: Principal) => {
    try {
      requireRole(principal, "ADMIN", "make tea");
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal({ id: "vera", role: "VIEWER" })).toBe("A VIEWER may not make tea; it takes ADMIN");
  expect(refusal(ANONYMOUS)).toBe(
    'Without a key you may not make tea; it takes the key of an ADMIN, as "Authorization: Bearer gsk_…"',
  );
  expect(refusal({ id: "ann", role: "ADMIN" })).toBe(null);
});
