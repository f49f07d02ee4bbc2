/** `geodesic migrate` and `geodesic keys` on a data folder of their own. */
import { expect } from "@std/expect";
import { tempDir } from "../support/temp.ts";
import { geodesic } from "./support.ts";

Deno.test("migrate makes the database once", async () => {
  await using dir = await tempDir();
  const env = { GEODESIC_HOME: "home" };
  const first = await geodesic(["migrate"], { cwd: dir.path, env });
  expect(first).toEqual({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/home: migrated \(\d{4}_\w+.*\)\n$/),
  });
  const second = await geodesic(["migrate", "--json"], { cwd: dir.path, env });
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
  expect((await geodesic(["keys", "revoke", key.id, ...data])).code).toBe(0);
  const listed = await geodesic(["keys", "list", ...data]);
  expect(listed.stdout).not.toContain(secret);
  expect(listed.stdout).toMatch(/ADMIN +mine .* revoked /);
  expect(listed.stdout).toMatch(/GENERATOR +generator key .* in force/);
  const again = await geodesic(["keys", "revoke", "nobody", ...data]);
  expect(again).toEqual({ code: 1, stdout: "", stderr: `error: No API key "nobody" in force [NOT_FOUND]\n` });
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
