/** `geodesic migrate` and `geodesic keys` on a data folder of their own. */
import { expect } from "@std/expect";
import { openStore } from "../../src/store/open.ts";
import { tempDir } from "../support/temp.ts";
import { geodesic as geodesicApart, geodesicHere as geodesic } from "./support.ts";

Deno.test("migrate makes the database once", async () => {
  await using dir = await tempDir();
  const env = { GEODESIC_HOME: "home" };
  const first = await geodesicApart(["migrate"], { cwd: dir.path, env });
  expect(first).toEqual({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/home: migrated \(\d{4}_\w+.*\)\n$/),
  });
  const second = await geodesic(["migrate", "--json", "--data", `${dir.path}/home`]);
  expect(JSON.parse(second.stdout)).toEqual({ dataDir: dir.join("home"), migrations: [] });
});

Deno.test("keys create shows a key once, list tells of it, revoke ends it", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.path];
  const created = await geodesic(["keys", "create", "--role", "Admin", "--label", "mine", ...data, "--json"]);
  const { key, secret } = JSON.parse(created.stdout);
  expect(secret).toMatch(/^gsk_[0-9a-f]{12}_[0-9a-f]{48}$/);
  expect(key).toMatchObject({ role: "ADMIN", label: "mine", revokedAt: null });
  const plain = await geodesic(["keys", "create", ...data]);
  expect(plain.stdout).toMatch(/^gsk_\w+\n$/);
  expect(plain.stderr).toMatch(/^GENERATOR, never expires, ID [0-9a-f-]{36}; shown this once\n$/);
  expect((await geodesic(["keys", "revoke", key.id, ...data])).code).toBe(0);
  const listed = await geodesic(["keys", "list", ...data]);
  expect(listed.stdout).not.toContain(secret);
  expect(listed.stdout).toMatch(/ADMIN +mine .* revoked /);
  expect(listed.stdout).toMatch(/GENERATOR +generator key .* in force/);
  const again = await geodesic(["keys", "revoke", "nobody", ...data]);
  const error = (what: string) =>
    `error: No API key with the ${what} in force: "geodesic keys list" shows them [NOT_FOUND]\n`;
  expect(again).toEqual({ code: 1, stdout: "", stderr: error('ID "nobody"') });
  const prefix = plain.stdout.slice(0, "gsk_".length + 12);
  expect((await geodesic(["keys", "revoke", prefix, ...data])).code).toBe(0);
  const whole = await geodesic(["keys", "revoke", plain.stdout.trim(), ...data]);
  expect([whole.code, whole.stderr]).toEqual([1, error(`beginning "${prefix}"`)]);
});

Deno.test("keys list, keys revoke and audit make no database where there is none", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.join("none")];
  for (
    const command of [["keys", "list"], ["keys", "revoke", "ID"], ["audit", "list"], ["audit", "verify"]]
  ) {
    const { code, stderr } = await geodesic([...command, ...data]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: There is no database in ".*none": .* \[NOT_FOUND\]\n$/);
  }
  expect([...Deno.readDirSync(dir.path)]).toEqual([]);
});

Deno.test("keys --help lists its commands", async () => {
  const { code, stdout } = await geodesic(["keys", "--help"]);
  expect(code).toBe(0);
  for (const command of ["keys create", "keys list", "keys revoke"]) expect(stdout).toContain(command);
  expect(stdout).not.toContain("tokenize");
});

Deno.test("keys names its commands where one is unknown", async () => {
  const { code, stderr } = await geodesic(["keys", "lose"]);
  expect(code).toBe(2);
  expect(stderr).toContain(`There is no command "keys lose", only keys create, keys list, keys revoke`);
});

Deno.test("keys create --expires takes days or a date, and keys list shows it", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.path];
  const made = await geodesic(["keys", "create", "--expires", "90d", ...data, "--json"]);
  const { key } = JSON.parse(made.stdout);
  const days = (Date.parse(key.expiresAt) - Date.parse(key.createdAt)) / 86_400_000;
  expect(days).toBeCloseTo(90, 3);
  expect((await geodesic(["keys", "create", "--expires", "2090-01-31", ...data])).code).toBe(0);
  const { stdout } = await geodesic(["keys", "list", ...data]);
  expect(stdout).toMatch(/LAST USED +EXPIRES/);
  expect(stdout).toContain("never      2090-01-31T00:00:00.000Z");
  for (const [text, code] of [["soon", 2], ["0d", 2], ["2090-02-31", 2], ["2020-01-31", 1]] as const) {
    expect([text, (await geodesic(["keys", "create", "--expires", text, ...data])).code]).toEqual([
      text,
      code,
    ]);
  }
});

Deno.test("audit list tells who did what, audit verify fails where somebody has changed that", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.path];
  for (const label of ["one", "two"]) await geodesic(["keys", "create", "--label", label, ...data]);
  const listed = await geodesic(["audit", "list", ...data]);
  expect(listed.stdout.trim().split("\n").length).toBe(2);
  expect(listed.stdout).toMatch(/^1 .* local +key.create .*"label":"one"/);
  const intact = await geodesic(["audit", "verify", ...data]);
  expect([intact.code, intact.stdout]).toEqual([
    0,
    expect.stringMatching(/^2 entries, all intact; .*[0-9a-f]{64}\n/),
  ]);
  const db = await openStore(dir.path);
  await db.updateTable("audit_entries").set({ actor_id: "nobody" }).where("seq", "=", 2).execute();
  await db.destroy();
  const spoilt = await geodesic(["audit", "verify", ...data]);
  expect([spoilt.code, spoilt.stdout]).toEqual([
    1,
    "Entry 2 is broken: its hash is not that of its content\n",
  ]);
});
