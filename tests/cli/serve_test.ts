/** `geodesic start` as a process: what it says, what it refuses, and how it ends. The whole path is in tests/e2e. */
import { expect } from "@std/expect";
import pg from "pg";
import { hasDevice } from "../gpu/device.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";
import { deviceTest, geodesic, geodesicHere, startCli } from "./support.ts";

/** Reads stdout until `pattern` occurs or the process ends; returns all of it so far. */
async function outputUntil(child: Deno.ChildProcess, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  let output = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (!done) output += decoder.decode(value, { stream: true });
    if (done || pattern.test(output)) {
      reader.releaseLock();
      return output;
    }
  }
}

async function endOf(child: Deno.ChildProcess): Promise<{ readonly code: number; readonly stderr: string }> {
  const rest = child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  await rest;
  return { code: (await child.status).code, stderr };
}

deviceTest("start merges, serves and stops on the first run, and merges nothing on the second", async () => {
  await using dir = await tempDir();
  const data = dir.join("data");
  const first = startCli(["start", "--port", "0", "--data", data]);
  const said = await outputUntil(first, /^ {2}curl .*\n/m);
  expect(said).toMatch(/^Database in .*data: migrated \(\d{4}_\w+/);
  expect(said).toContain("WebGPU device: ");
  expect(said).toContain("Merged the demo pair into geodesic/demo-slerp");
  const [, origin] = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/m.exec(said)!;
  expect(said).toMatch(/Admin key, shown this once: gsk_[0-9a-f]{12}_[0-9a-f]{48}\n/);
  expect(said).toContain(`  curl -N ${origin}/graphql`);
  expect((await fetch(`${origin}/livez`)).status).toBe(200);

  const [, port] = /:(\d+)$/.exec(origin!)!;
  const [samePort, sameData] = await Promise.all([
    geodesic(["start", "--port", port!, "--data", dir.join("other")]),
    geodesic(["serve", "--port", "0", "--data", data]),
  ]);
  expect(samePort.code).toBe(1);
  expect(samePort.stderr).toBe(
    `error: Cannot listen on 127.0.0.1:${port}: the port is in use; choose another with --port ` +
      "(0 takes a free one) [ADDRESS_UNAVAILABLE]\n",
  );
  expect(sameData.code).toBe(1);
  expect(sameData.stderr).toMatch(
    /^error: Data folder ".*" is in use by another gateway .*--data DIR \[CONFIG\]\n$/,
  );

  const listed = await geodesic(["keys", "list", "--data", data, "--json"]);
  expect(JSON.parse(listed.stdout)).toEqual([expect.objectContaining({ role: "ADMIN", revokedAt: null })]);
  first.kill("SIGINT");
  const end = await endOf(first);
  expect(end.code).toBe(0);
  expect(end.stderr).toContain("75/75 tensors");

  const second = startCli(["start", "--port", "0", "--data", data]);
  const again = await outputUntil(second, /^ {2}curl .*\n/m);
  expect(again).toContain("up to date");
  expect(again).not.toContain("Merged");
  expect(again).not.toContain("gsk_");
  second.kill("SIGTERM");
  expect(await endOf(second)).toEqual({ code: 0, stderr: "" });
});

deviceTest(
  "serve on an address of the network asks every caller for a key, and logs in lines of JSON",
  async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("cache"));
    using lock = await Deno.open(dir.join("cache/.lock"), { create: true, write: true });
    await lock.lock(true); // the folder cannot be tidied, which is no reason not to serve
    const child = startCli(["serve", "--port", "0", "--host", "0.0.0.0", "--data", dir.path]);
    const said = await outputUntil(child, /listening on .*\n/);
    const [, port] = /listening on http:\/\/0\.0\.0\.0:(\d+)/.exec(said)!;
    const query = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ query: "{ viewer { role } }" }),
      });
    const anonymous = await query({});
    expect(anonymous.status).toBe(401);
    await anonymous.body?.cancel();
    const { stdout } = await geodesic(["keys", "create", "--role", "viewer", "--data", dir.path]);
    const known = await query({ authorization: `Bearer ${stdout.trim()}` });
    expect(await known.json()).toEqual({ data: { viewer: { role: "VIEWER" } } });
    child.kill("SIGINT");
    const end = await endOf(child);
    expect(end.code).toBe(0);
    expect(JSON.parse(end.stderr)).toMatchObject({
      level: "error",
      code: "CAPACITY",
      detail: expect.stringMatching(/^Cannot write to ".*cache": another process is writing there$/),
    });
  },
);

Deno.test({
  name: "serve stops with 0, and tells the reason, where its database has gone",
  ignore: !hasDevice || whyNoServer !== null,
  fn: async () => {
    await using dir = await tempDir();
    await using server = await PostgresServer.start();
    const env = { DATABASE_URL: server.url("postgres") };
    const child = startCli(["serve", "--port", "0", "--data", dir.path], { env });
    expect(await outputUntil(child, /^listening on .*\n/m)).toContain("migrated");
    await server.stop();
    child.kill("SIGTERM");
    const { code, stderr } = await endOf(child);
    await server.start();
    expect(code).toBe(0);
    expect(stderr).toContain('"message":"unexpected error while stopping"');
    expect(stderr).not.toContain("INTERRUPTED");
  },
});

Deno.test({
  name: "serve and others can be interrupted while another gateway migrates the database",
  ignore: whyNoServer !== null,
  fn: async () => {
    await using dir = await tempDir();
    await using server = await PostgresServer.start();
    const env = { DATABASE_URL: server.url("postgres") };
    expect((await geodesic(["migrate"], { env })).code).toBe(0);
    for (const args of [["serve", "--port", "0"], ["migrate"], ["models"]]) {
      const other = new pg.Client({ connectionString: env.DATABASE_URL });
      await other.connect();
      await other.query("BEGIN; LOCK TABLE kysely_migration_lock IN ACCESS EXCLUSIVE MODE");
      const child = startCli([...args, "--data", dir.path], { env });
      const waiting = "SELECT 1 FROM pg_locks WHERE NOT granted";
      while ((await other.query(waiting)).rowCount === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill("SIGTERM");
      let stillLocked = true;
      const release = setTimeout(() => { // who waits for it ends late, and not never
        stillLocked = false;
        void other.query("COMMIT");
      }, 10_000);
      const { stderr, code } = await endOf(child);
      clearTimeout(release);
      await other.end();
      expect({ args, code, stderr, stillLocked }).toEqual({
        ...{ args, code: 130, stderr: "error: Interrupted [INTERRUPTED]\n", stillLocked: true },
      });
    }
  },
});

Deno.test({
  name: "serve can be interrupted, and ends in time, while its start waits for a lock",
  ignore: whyNoServer !== null,
  fn: async () => {
    await using dir = await tempDir();
    await using server = await PostgresServer.start();
    const env = { DATABASE_URL: server.url("postgres") };
    expect((await geodesic(["migrate"], { env })).code).toBe(0);
    const other = new pg.Client({ connectionString: env.DATABASE_URL });
    await other.connect();
    await other.query("BEGIN; LOCK TABLE gateways IN ACCESS EXCLUSIVE MODE");
    const child = startCli(["serve", "--port", "0", "--data", dir.path], { env });
    const waiting = "SELECT 1 FROM pg_locks WHERE NOT granted";
    while ((await other.query(waiting)).rowCount === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGTERM");
    let stillLocked = true;
    const release = setTimeout(() => { // before the wait for a lock would be given up
      stillLocked = false;
      void other.query("COMMIT");
    }, 16_000);
    const { stderr, code } = await endOf(child);
    clearTimeout(release);
    await other.end();
    expect([code, stillLocked]).toEqual([130, true]);
    expect(stderr).toContain("what had to be ended did not end in time");
    expect(stderr).toMatch(/\nerror: Interrupted \[INTERRUPTED\]\n$/);
  },
});

deviceTest("start leaves no model when it is interrupted in its first run", async () => {
  await using dir = await tempDir();
  const child = startCli(["start", "--port", "0", "--data", dir.path]);
  const decoder = new TextDecoder();
  let stderr = "";
  for await (const bytes of child.stderr) {
    if (stderr === "") child.kill("SIGINT"); // Its first line of progress: the merge is under way.
    stderr += decoder.decode(bytes, { stream: true });
  }
  await child.stdout.cancel();
  expect((await child.status).code).toBe(130);
  expect(stderr).toMatch(/error: Interrupted \[INTERRUPTED\]\n$/);
  const models = await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name);
  expect(models).not.toContain("models");
});

const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  [
    "a data folder that cannot be made",
    ["--data", "LICENSE/data"],
    1,
    /^error: Cannot make the data folder ".*LICENSE\/data": a part of the path is a file \[CONFIG\]\n$/,
  ],
  [
    "a data folder that is a file",
    ["--data", "LICENSE"],
    1,
    /^error: Cannot make the data folder ".*LICENSE": a file has that name \[CONFIG\]\n$/,
  ],
  [
    "a port that is none",
    ["--port", "70000"],
    2,
    /^error: --port is "70000", expected a whole number from 0 to 65535/,
  ],
  [
    "a quantization that is none",
    ["--quantization", "int3"],
    2,
    /--quantization is "int3", expected none or fp8/,
  ],
  [
    "sums in f16 of what is f32",
    ["--accumulation", "f16"],
    2,
    /^error: --accumulation f16 has no effect with --precision f32: give --precision f16, too/,
  ],
  [
    "a memory budget that is none",
    ["--gpu-memory", "plenty"],
    2,
    /^error: --gpu-memory is "plenty", expected a size such as 5GB/,
  ],
  [
    "a KV cache of no size",
    ["--kv-cache-size", "much"],
    2,
    /^error: --kv-cache-size is "much", expected a size such as 5GB/,
  ],
  [
    "a bound of the cache that is none",
    ["--cache-size", "0GB"],
    2,
    /^error: --cache-size is "0GB", expected a size such as 5GB/,
  ],
];
for (const [what, args, code, message] of refused) {
  Deno.test(`serve explains ${what} in one line`, async () => {
    await using dir = await tempDir();
    const result = await geodesicHere(["serve", "--data", dir.join("data"), "--port", "0", ...args]);
    expect({ code: result.code, stderr: result.stderr }).toEqual({
      code,
      stderr: expect.stringMatching(message),
    });
  });
}

Deno.test("serve explains an address that is not this machine's in one line", async () => {
  await using dir = await tempDir();
  const { code, stderr } = await geodesic([
    "serve",
    "--data",
    dir.path,
    "--port",
    "0",
    "--host",
    "192.0.2.1",
  ]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^error: Cannot listen on 192\.0\.2\.1:\d+: .* \[ADDRESS_UNAVAILABLE\]\n$/),
  ]);
});
