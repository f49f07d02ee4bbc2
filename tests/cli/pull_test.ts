/** `geodesic pull` as a process: what it brings, how it is killed and taken up, and what it says where it cannot. */
import { expect } from "@std/expect";
import { HubServer } from "../support/hub_server.ts";
import { tempDir } from "../support/temp.ts";
import { readCatalogue, seedCatalogue } from "../../src/app/catalogue.ts";
import { systemClock } from "../../src/app/clock.ts";
import { uuidV7 } from "../../src/app/ids.ts";
import { openStore } from "../../src/store/open.ts";
import { DEMO, geodesic, ROOT, startCli } from "./support.ts";

const HELPER_DIR = `${DEMO}/parents/helper`;
const WEIGHTS = "model.safetensors";

Deno.test("pull brings a model into the library, and inspect and a second pull know it", async () => {
  await using dir = await tempDir();
  await using server = await HubServer.of(HELPER_DIR);
  const env = { HF_ENDPOINT: `${server.endpoint}/`, HF_TOKEN: "hf_secret", GEODESIC_HOME: dir.path };
  server.token = "hf_secret";
  server.files.set("provenance.json", new TextEncoder().encode("{}"));
  const pulled = await geodesic(["pull", "pair/model"], { env });
  expect([pulled.code, pulled.stderr]).toEqual([0, expect.stringContaining("Pulling: 100 %")]);
  expect(pulled.stdout).toMatch(/^Pulled pair\/model into .*\/models\/pair\/model: /);
  const [, count] = /Pulling: 100 %, (\d+)\/\1 files/.exec(pulled.stderr)!;
  expect(pulled.stdout).toContain(` in ${count} files\n`); // the record among them, which is no part of the artifact
  expect(pulled.stdout + pulled.stderr).not.toContain("hf_secret");
  expect(await Deno.readFile(dir.join("models", "pair", "model", WEIGHTS))).toEqual(
    await Deno.readFile(`${HELPER_DIR}/${WEIGHTS}`),
  );
  const inspected = await geodesic(["inspect", "pair/model", "--json"], { env });
  expect(JSON.parse(inspected.stdout)).toMatchObject({ architecture: "MistralForCausalLM" });
  const audit = await geodesic(["audit", "verify", "--json"], { env });
  expect([audit.code, JSON.parse(audit.stdout)]).toMatchObject([0, { entries: 1 }]);
  const again = await geodesic(["pull", "pair/model"], { env });
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("[CONFIG]")]);
  const other = await geodesic(["pull", "pair/model", "--as", "me/copy", "--json"], { env });
  expect(JSON.parse(other.stdout)).toMatchObject({ name: "me/copy", origin: { repository: "pair/model" } });
});

Deno.test("pull that is killed leaves a beginning, and the same command goes on from it", async () => {
  await using dir = await tempDir();
  await using server = await HubServer.of(HELPER_DIR);
  const env = { HF_ENDPOINT: server.endpoint, GEODESIC_HOME: dir.path };
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    server.fail(`/${WEIGHTS}`, { stallAfter: signal === "SIGKILL" ? 300_000 : 100_000 });
    const child = startCli(["pull", "pair/model"], { env });
    const partial = dir.join("models", "pair", ".model.pull", WEIGHTS);
    const size = () => Deno.stat(partial).then(({ size }) => size, () => 0);
    const before = await size();
    while (await size() === before) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill(signal);
    const { code, stderr } = await child.output();
    expect([signal, code]).toEqual([signal, signal === "SIGKILL" ? 137 : 130]);
    const last = new TextDecoder().decode(stderr).split("\n").at(-2);
    if (signal === "SIGINT") {
      expect(last).toBe("error: Interrupted. What has come is kept: pull again [INTERRUPTED]");
    }
    await expect(Deno.stat(dir.join("models", "pair", "model"))).rejects.toThrow(Deno.errors.NotFound);
  }
  const there = (await Deno.stat(dir.join("models", "pair", ".model.pull", WEIGHTS))).size;
  const { code } = await geodesic(["pull", "pair/model"], { env });
  expect(code).toBe(0);
  expect(server.requestsFor(WEIGHTS).at(-1)!.range).toBe(`bytes=${there}-`);
  expect(await Deno.readFile(dir.join("models", "pair", "model", WEIGHTS))).toEqual(
    await Deno.readFile(`${HELPER_DIR}/${WEIGHTS}`),
  );
});

Deno.test("pull says what to do about a model that it cannot have", async () => {
  await using dir = await tempDir();
  await using server = await HubServer.of(HELPER_DIR);
  const env = { HF_ENDPOINT: server.endpoint, GEODESIC_HOME: dir.path };
  const missing = await geodesic(["pull", "nobody/nothing"], { env });
  expect([missing.code, missing.stderr]).toEqual([
    1,
    expect.stringMatching(/no model of this name \[NOT_FOUND\]\n$/),
  ]);
  server.token = "hf_other";
  const gated = await geodesic(["pull", "pair/model", "--json"], { env });
  expect(JSON.parse(gated.stderr)).toMatchObject({
    code: "FORBIDDEN",
    message: expect.stringContaining("HF_TOKEN"),
  });
  const elsewhere = { ...env, DATABASE_URL: "postgres://127.0.0.1:1/nobody" };
  expect((await geodesic(["pull", "pair/model"], { env: elsewhere })).code).toBe(1); // and not into SQLite
  const endpoint = await geodesic(["pull", "pair/model"], { env: { ...env, HF_ENDPOINT: "file:///etc" } });
  expect([endpoint.code, endpoint.stderr]).toEqual([1, expect.stringContaining("HF_ENDPOINT")]);
});

Deno.test("inspect shows what the catalogue says of a model whose weights are not here", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  const catalogue = await readCatalogue(`${ROOT}catalogue`);
  const seed = { db, clock: systemClock, ids: uuidV7(systemClock), maxContextLength: 8192 };
  await seedCatalogue(seed, catalogue);
  await db.destroy();
  const name = "osanseviero/mistral-instruct-slerp";
  const env = { GEODESIC_HOME: dir.path };
  const { code, stdout } = await geodesic(["inspect", name], { env });
  expect(code).toBe(0);
  for (
    const part of [`geodesic pull ${name}`, "apache-2.0", "32768, 4096 served", "(base)", "filter: self_attn"]
  ) {
    expect(stdout).toContain(part);
  }
  const json = JSON.parse((await geodesic(["inspect", name, "--json"], { env })).stdout);
  expect(json).toMatchObject({ name, residency: "MISSING_WEIGHTS", parameterCount: 7_241_732_096 });
  const generated = await geodesic(["generate", name, "--prompt", "Hi"], { env });
  expect([generated.code, generated.stderr]).toEqual([1, expect.stringContaining(`geodesic pull ${name}`)]);
});

Deno.test("pull says at once that a hub is away, and what to do when it stays away", async () => {
  await using dir = await tempDir();
  const env = { HF_ENDPOINT: "http://127.0.0.1:9", GEODESIC_HOME: dir.path };
  const { code, stderr } = await geodesic(["pull", "pair/model"], { env });
  expect(code).toBe(1);
  expect(stderr.split("\n")).toEqual([
    "Cannot reach 127.0.0.1:9, trying again …",
    expect.stringMatching(
      /^error: Cannot pull "pair\/model": cannot reach the hub 127\.0\.0\.1:9 \(.+\)\. Check the network, or set HF_ENDPOINT to another hub \[UNAVAILABLE\]$/,
    ),
    "",
  ]);
});

Deno.test("pull refuses a name without an owner before it asks the hub", async () => {
  const { code, stderr } = await geodesic(["pull", "nope"], { env: { HF_ENDPOINT: "http://127.0.0.1:9" } });
  expect([code, stderr]).toEqual([
    1,
    'error: Invalid repository "nope": expected "owner/name", as the hub calls it [CONFIG]\n',
  ]);
});
