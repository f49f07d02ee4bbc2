/** Pulling from a hub that answers, is slow, breaks off, lies and refuses. */
import { expect } from "@std/expect";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { hashArtifact } from "../../src/formats/artifact.ts";
import type { PullProgress } from "../../src/hub/pull.ts";
import { readOrigin } from "../../src/hub/origin.ts";
import { failure } from "../support/failure.ts";
import { hubBench } from "../support/hub_bench.ts";
import { COMMIT, CREATED_AT, type HubServer } from "../support/hub_server.ts";

const WEIGHTS = "model.safetensors";
const utf8 = (text: string) => new TextEncoder().encode(text);

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("pullModel() fetches what makes up a checkpoint, and nothing else", async () => {
  await using it = await hubBench({ shardBytes: 40_000 });
  it.server.files.set("consolidated.safetensors", new Uint8Array(10_000));
  it.server.files.set("pytorch_model.bin", new Uint8Array(10_000));
  it.server.files.set("run_me.py", utf8("print()"));
  const progress: PullProgress[] = [];
  const pulled = await it.pull({ onProgress: (each) => progress.push(each) });
  expect(pulled).toMatchObject({ commit: COMMIT, publishedAt: new Date(CREATED_AT) });
  using checkpoint = await openCheckpoint(it.target);
  expect(checkpoint.weightFiles.length).toBeGreaterThan(1);
  const names = (await Array.fromAsync(Deno.readDir(it.target))).map(({ name }) => name).sort();
  expect(names).toEqual([".origin.json", ...pulled.files.map(({ path }) => path)]);
  expect(await readOrigin(checkpoint.folder)).toEqual({
    ...{ endpoint: it.server.endpoint, repository: "pair/model" },
    ...{ revision: COMMIT, publishedAt: CREATED_AT },
  });
  expect(names).toContain("README.md");
  for (const strange of ["consolidated.safetensors", "pytorch_model.bin", "run_me.py"]) {
    expect(names).not.toContain(strange);
    expect(it.server.seen.some(({ path }) => path.endsWith(strange))).toBe(false);
  }
  expect(await hashArtifact(checkpoint.folder)).toEqual(pulled.files); // as registration would hash them
  const last = progress.at(-1)!;
  expect([last.doneBytes, last.doneFiles]).toEqual([last.totalBytes, last.totalFiles]);
  const wholes = progress.map(({ totalBytes, totalFiles }) => `${totalFiles} files, ${totalBytes} bytes`);
  const bytes = pulled.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  expect(new Set(wholes)).toEqual(new Set([`${pulled.files.length} files, ${bytes} bytes`])); // from the beginning
  expect(it.server.seen.filter(({ path }) => path.includes("/tree/")).length).toBeGreaterThan(1); // in pages
  expect(await Array.fromAsync(Deno.readDir(it.dir.join("models", "pair")))).toHaveLength(1);
});

Deno.test("pullModel() sends the token to the hub and to nobody else", async () => {
  await using it = await hubBench();
  it.server.token = "hf_secret";
  await it.pull();
  const sent = (host: string) =>
    new Set(it.server.seen.filter((each) => each.host === host).map(({ authorization }) => authorization));
  expect(sent("hub")).toEqual(new Set(["Bearer hf_secret"]));
  expect(sent("cdn")).toEqual(new Set([null]));
});

Deno.test("pullModel() continues a file that broke off, and hashes the whole", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, { cutAfter: 20_000 }, { stallAfter: 10_000 });
  await it.pull({ hub: { ...it.server.hub, stallMs: 500 } });
  const [first, ...others] = it.server.requestsFor(WEIGHTS).map(({ range }) => range);
  expect(first).toBeNull();
  const starts = others.map((range) => Number(/^bytes=(\d+)-$/.exec(range!)![1]));
  expect(starts.length).toBeGreaterThanOrEqual(2);
  expect([Math.max(...starts), starts]).toEqual([30_000, starts.toSorted((a, b) => a - b)]);
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
});

Deno.test("pullModel() begins anew where the hub does not continue", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, { cutAfter: 20_000 }, { ignoreRange: true, cutAfter: 30_000 }, {
    ignoreRange: true,
  });
  await it.pull();
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
});

Deno.test("pullModel() leaves a beginning that the next one takes up, never half a folder", async () => {
  await using it = await hubBench();
  const abort = new AbortController();
  it.server.fail(`/${WEIGHTS}`, { stallAfter: 20_000 });
  const interrupted = it.pull({
    signal: abort.signal,
    onProgress: ({ doneBytes }) => doneBytes > 20_000 && abort.abort(new Error("enough")),
  });
  await expect(interrupted).rejects.toThrow("enough");
  expect(await exists(it.target)).toBe(false);
  const partial = it.dir.join("models", "pair", ".model.pull");
  const { size } = await Deno.stat(`${partial}/${WEIGHTS}`);
  expect(size).toBeGreaterThan(0);
  let resumed = 0;
  await it.pull({ onProgress: ({ resumedBytes }) => resumed = resumedBytes });
  expect(resumed).toBeGreaterThanOrEqual(size);
  expect(it.server.requestsFor(WEIGHTS).at(-1)!.range).toBe(`bytes=${size}-`);
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
  expect(await exists(partial)).toBe(false);
});

Deno.test("pullModel() of another revision keeps nothing of a beginning that does not belong to it", async () => {
  await using it = await hubBench();
  await Deno.mkdir(it.dir.join("models", "pair", ".model.pull"), { recursive: true });
  const left = (name: string) => it.dir.join("models", "pair", ".model.pull", name);
  await Deno.writeFile(left(WEIGHTS), new Uint8Array(5_000).fill(7));
  await Deno.writeFile(left("config.json"), it.server.files.get("config.json")!);
  await Deno.writeTextFile(left("old.json"), "{}");
  const { files } = await it.pull();
  expect(await exists(`${it.target}/old.json`)).toBe(false);
  expect(files.find(({ path }) => path === WEIGHTS)!.sizeBytes).toBe(it.server.files.get(WEIGHTS)!.length);
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
});

Deno.test("pullModel() refuses content that is not what the hub lists, small files and large ones", async () => {
  for (const file of [WEIGHTS, "config.json"]) {
    await using it = await hubBench();
    const change = (bytes: Uint8Array<ArrayBuffer>) => {
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    };
    it.server.fail(`/${file}`, { change }); // once may be chance
    await it.pull();
    await Deno.remove(it.target, { recursive: true });
    it.server.fail(`/${file}`, { change }, { change });
    const error = await failure(it.pull());
    expect([error.code, error.details["file"]]).toEqual(["FORMAT", file]);
    expect(await exists(it.target)).toBe(false);
  }
});

Deno.test("pullModel() refuses what no checkpoint should hold before any weights are fetched", async () => {
  type Case = readonly [name: string, spoil: (server: HubServer) => void, message: RegExp];
  const entry = (path: string) => ({ type: "file", oid: "c".repeat(40), size: 1, path });
  const cases: readonly Case[] = [
    ["outside", (server) => server.extraEntries.push(entry("../x")), /"\.\.\/x" is refused/],
    ["nested", (server) => server.extraEntries.push(entry("a/b.json")), /is refused/],
    ["twice", (server) => server.extraEntries.push(entry("config.json")), /listed twice/],
    ["absolute", (server) => server.extraEntries.push(entry("/etc/passwd")), /is refused/],
    ["no config", (server) => server.files.delete("config.json"), /no config\.json/],
    ["pickle only", (server) => {
      server.files.delete(WEIGHTS);
      server.files.set("pytorch_model.bin", new Uint8Array(10));
    }, /pickled/],
    ["no weights", (server) => server.files.delete(WEIGHTS), /neither/],
    [
      "architecture",
      (server) => server.files.set("config.json", utf8('{"architectures":["BertModel"]}')),
      /BertModel/,
    ],
    ["hidden", (server) => {
      const index = { weight_map: { x: ".model.safetensors" } };
      server.files.set("model.safetensors.index.json", utf8(JSON.stringify(index)));
      server.files.set(".model.safetensors", new Uint8Array(10));
    }, /not a hidden one/],
    ["index", (server) => {
      const index = { weight_map: { x: "elsewhere.safetensors" } };
      server.files.set("model.safetensors.index.json", utf8(JSON.stringify(index)));
    }, /no such file/],
  ];
  for (const [name, spoil, message] of cases) {
    await using it = await hubBench();
    spoil(it.server);
    const error = await failure(it.pull());
    expect([name, error.code]).toEqual([name, "FORMAT"]);
    expect(error.message).toMatch(message);
    expect(it.server.requestsFor(WEIGHTS)).toEqual([]);
    expect(await exists(it.target)).toBe(false);
  }
});

Deno.test("pullModel() says what to do about each refusal of the hub", async () => {
  type Case = readonly [
    name: string,
    status: number,
    headers: Record<string, string>,
    code: string,
    message: RegExp,
  ];
  const cases: readonly Case[] = [
    ["gated", 403, { "x-error-code": "GatedRepo" }, "FORBIDDEN", /Ask for access at .*HF_TOKEN/],
    ["gated, no token", 401, { "x-error-code": "GatedRepo" }, "FORBIDDEN", /Ask for access/],
    ["private", 401, {}, "FORBIDDEN", /private or does not exist/],
    ["missing", 404, { "x-error-code": "RepoNotFound" }, "NOT_FOUND", /no model of this name/],
    ["revision", 404, { "x-error-code": "RevisionNotFound" }, "NOT_FOUND", /has no revision "main"/],
    ["rate", 429, { "retry-after": "3600" }, "CAPACITY", /wait 3600 s/],
    ["broken", 500, {}, "UNAVAILABLE", /status 500/],
  ];
  for (const [name, status, headers, code, message] of cases) {
    await using it = await hubBench();
    const respond = () => new Response("no", { status, headers });
    it.server.fail("/revision/main", ...Array.from({ length: 9 }, () => ({ respond })));
    const error = await failure(it.pull());
    expect([name, error.code]).toEqual([name, code]);
    expect(error.message).toMatch(message);
    if (name === "rate") expect(error.details["retryAfterMs"]).toBe(3_600_000);
    const tries = it.server.seen.length;
    expect([name, tries]).toEqual([name, name === "broken" ? 5 : 1]); // what cannot succeed is not repeated
  }
});

Deno.test("pullModel() waits as a hub that is busy asks it to", async () => {
  await using it = await hubBench();
  it.server.fail("/revision/main", {
    respond: () => new Response("slow down", { status: 429, headers: { "retry-after": "0" } }),
  }, { respond: () => new Response("", { status: 503 }) });
  it.server.fail(`/${WEIGHTS}`, { respond: () => new Response("", { status: 502 }) });
  await it.pull();
});

Deno.test("pullModel() follows redirects to http only, and not for ever", async () => {
  const redirect = (location: string) => ({
    respond: () => new Response(null, { status: 302, headers: { location } }),
  });
  for (const location of ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x"]) {
    await using it = await hubBench();
    it.server.fail(`redirect:${WEIGHTS}`, ...Array.from({ length: 9 }, () => redirect(location)));
    const error = await failure(it.pull());
    expect([location, error.code]).toEqual([location, "UNAVAILABLE"]);
  }
  await using it = await hubBench();
  it.server.fail(
    "/revision/main",
    ...Array.from({ length: 99 }, () => redirect("/api/models/pair/model/revision/main")),
  );
  expect((await failure(it.pull())).message).toMatch(/redirects more than/);
});

Deno.test("pullModel() gives up a connection that stays silent, and a hub that is none", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, ...Array.from({ length: 9 }, () => ({ stallAfter: 0 })));
  const silent = await failure(it.pull({ hub: { ...it.server.hub, stallMs: 20 } }));
  expect([silent.code, silent.details["repository"]]).toEqual(["UNAVAILABLE", "pair/model"]);
  const gone = await failure(it.pull({ hub: { ...it.server.hub, endpoint: "http://127.0.0.1:1" } }));
  expect(gone.code).toBe("UNAVAILABLE");
  it.server.fail("/revision/main", { respond: () => new Response("<html>") });
  expect((await failure(it.pull())).message).toMatch(/HF_ENDPOINT/);
});

Deno.test("pullModel() refuses what the disk has no room for, before it is fetched", async () => {
  await using it = await hubBench();
  const config = it.server.files.get("config.json")!;
  it.server.files.delete(WEIGHTS);
  const lfs = { oid: "d".repeat(64), size: 2 ** 52, pointerSize: 130 };
  it.server.extraEntries.push({ type: "file", oid: "c".repeat(40), size: 2 ** 52, path: WEIGHTS, lfs });
  const error = await failure(it.pull());
  expect([error.code, config.length > 0]).toEqual(["CAPACITY", true]);
  expect(it.server.requestsFor(WEIGHTS)).toEqual([]);
});

Deno.test("pullModel() leaves nothing of a name that the hub does not know", async () => {
  await using it = await hubBench();
  await failure(it.pull({ repository: "pair/mdoel", target: it.dir.join("models", "pair", "mdoel") }));
  expect(await exists(it.dir.join("models"))).toBe(false);
});

Deno.test("pullModel() keeps out a second pull to the same place, and a folder that is there", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, { stallAfter: 10 });
  const abort = new AbortController();
  const first = it.pull({ signal: abort.signal });
  first.catch(() => {});
  while (it.server.requestsFor(WEIGHTS).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await failure(it.pull())).code).toBe("CONFIG");
  abort.abort(new Error("stop"));
  await first.catch(() => {});
  await it.pull();
  await Deno.remove(`${it.target}/.origin.json`); // somebody's own by now
  expect((await failure(it.pull())).message).toMatch(/not empty/);
});
