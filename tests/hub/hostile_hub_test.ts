/** Hubs that mean harm, or are too broken to tell the difference: nothing hangs, nothing goes on for ever, nothing leaks. */
import { expect } from "@std/expect";
import { failure } from "../support/failure.ts";
import { hubBench } from "../support/hub_bench.ts";
import { dripping } from "../support/hub_server.ts";

const WEIGHTS = "model.safetensors";
const TOKEN = "hf_verysecret";

/** A body that begins and never ends. */
function endless(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) });
}

Deno.test("pullModel() waits for the rest of a refusal no longer than for anything else", async () => {
  await using it = await hubBench();
  const respond = () => new Response(endless("no such "), { status: 404 });
  it.server.fail("/revision/main", { respond });
  expect((await failure(it.pull({ hub: { ...it.server.hub, stallMs: 50 } }))).code).toBe("NOT_FOUND");
  it.server.fail("/revision/main", { respond });
  const abort = new AbortController();
  const cancelled = it.pull({ signal: abort.signal });
  cancelled.catch(() => {});
  while (it.server.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort(new Error("enough"));
  await expect(cancelled).rejects.toThrow("enough");
});

Deno.test("pullModel() gives up a hub that always begins anew and never gets further", async () => {
  await using it = await hubBench();
  it.server.fail(
    `/${WEIGHTS}`,
    ...Array.from({ length: 50 }, () => ({ cutAfter: 20_000, ignoreRange: true })),
  );
  expect((await failure(it.pull())).code).toBe("UNAVAILABLE");
  expect(it.server.requestsFor(WEIGHTS).length).toBeLessThan(10);
});

Deno.test("pullModel() goes on by a line that breaks again and again, as long as it brings something each time", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, ...Array.from({ length: 12 }, () => ({ cutAfter: 8_000 })));
  await it.pull();
  expect(it.server.requestsFor(WEIGHTS).length).toBe(13);
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
});

Deno.test("pullModel() gives up a hub that says a little at once and then nothing, each time", async () => {
  await using it = await hubBench();
  it.server.fail(`/${WEIGHTS}`, ...Array.from({ length: 20 }, () => ({ stallAfter: 300 })));
  const leastRate = { bytesPerSecond: 500, overMs: 60_000 };
  const error = await failure(it.pull({ hub: { ...it.server.hub, stallMs: 50, leastRate } }));
  expect(error.code).toBe("UNAVAILABLE");
  expect(it.server.requestsFor(WEIGHTS).length).toBe(5);
});

Deno.test("pullModel() gives up a hub that drips, and keeps what has come", async () => {
  await using it = await hubBench();
  const leastRate = { bytesPerSecond: 200, overMs: 100 };
  const hub = { ...it.server.hub, leastRate };
  it.server.fail(
    `/${WEIGHTS}`,
    { dripAfter: 20_000 },
    ...Array.from({ length: 20 }, () => ({ dripAfter: 0 })),
  );
  const error = await failure(it.pull({ hub }));
  expect([error.code, error.details]).toEqual(["UNAVAILABLE", {
    repository: "pair/model",
    file: WEIGHTS,
    host: expect.stringMatching(/^127\.0\.0\.1:/),
    bytes: expect.any(Number),
    bytesPerSecond: expect.any(Number),
    expectedBytesPerSecond: 200,
  }]);
  expect(error.message).toMatch(
    /too slowly \(\d+ bytes in [\d.]+ s, [\d.]+ a second, .* 200 at least\).*pull again/,
  );
  const ranges = it.server.requestsFor(WEIGHTS).map(({ range }) => range);
  expect(ranges.length).toBe(5); // that a few bytes come each time is no progress
  expect(Number(/\d+/.exec(ranges.at(-1)!)![0])).toBeGreaterThan(20_000);
  it.server.faults.clear();
  await it.pull({ hub });
  expect(await Deno.readFile(`${it.target}/${WEIGHTS}`)).toEqual(it.server.files.get(WEIGHTS));
});

Deno.test("pullModel() gives up an answer that drips", async () => {
  await using it = await hubBench();
  const respond = () => new Response(dripping(new TextEncoder().encode(`{"sha":"${"a".repeat(1000)}"}`)));
  it.server.fail("/revision/main", ...Array.from({ length: 20 }, () => ({ respond })));
  const leastRate = { bytesPerSecond: 200, overMs: 100 };
  const error = await failure(it.pull({ hub: { ...it.server.hub, leastRate } }));
  expect([error.code, error.details["expectedBytesPerSecond"]]).toEqual(["UNAVAILABLE", 200]);
  expect(it.server.seen.length).toBe(5);
});

Deno.test("pullModel() gives up a list of files that has no end", async () => {
  for (const entries of [[], [{ type: "directory", oid: "b".repeat(40), size: 0, path: "more" }]]) {
    await using it = await hubBench();
    const next = `<${it.server.endpoint}/api/models/pair/model/tree/again>; rel="next"`;
    const respond = () => Response.json(entries, { headers: { link: next } });
    it.server.fail("/tree/again", ...Array.from({ length: 30_000 }, () => ({ respond })));
    it.server.fail(`/tree/${it.server.commit}`, { respond });
    const error = await failure(it.pull());
    expect([error.code, error.message]).toEqual(["FORMAT", expect.stringMatching(/list of files/)]);
  }
});

Deno.test("pullModel() lets nobody read the token or a signed address in what it says", async () => {
  await using it = await hubBench();
  it.server.token = TOKEN;
  const told = (request: Request) =>
    new Response(`you sent ${request.headers.get("authorization")}`, { status: 404 });
  it.server.fail("/revision/main", { respond: told });
  const refused = await failure(it.pull());
  expect(JSON.stringify(refused.details)).toContain("you sent Bearer");
  expect(JSON.stringify([refused.message, refused.details])).not.toContain(TOKEN);
  const location = "http://127.0.0.1:9/blob?X-Signature=signed";
  const respond = () => new Response(null, { status: 302, headers: { location } });
  it.server.fail(`redirect:${WEIGHTS}`, ...Array.from({ length: 9 }, () => ({ respond })));
  const gone = await failure(it.pull());
  expect(gone.code).toBe("UNAVAILABLE");
  expect(gone.message).toMatch(/127\.0\.0\.1:9 cannot be reached/);
  expect(JSON.stringify([gone.message, gone.details])).not.toContain("signed");
  it.server.fail(`redirect:${WEIGHTS}`, {
    respond: () => new Response(null, { status: 302, headers: { location: "ftp://h/x?X-Signature=signed" } }),
  }, ...Array.from({ length: 9 }, () => ({ respond })));
  const strange = await failure(it.pull());
  expect(JSON.stringify([strange.message, strange.details])).not.toContain("signed");
});

Deno.test("pullModel() asks the hub again when the host behind it refuses", async () => {
  await using it = await hubBench();
  for (const status of [403, 401, 404]) {
    it.server.fail(`/${WEIGHTS}`, { respond: () => new Response("expired", { status }) });
  }
  await it.pull(); // addresses of large files are signed, and the signature of each is soon over
  await Deno.remove(it.target, { recursive: true });
  it.server.fail(
    `/${WEIGHTS}`,
    ...Array.from({ length: 9 }, () => ({ respond: () => new Response("", { status: 403 }) })),
  );
  const error = await failure(it.pull());
  expect([error.code, error.message]).toEqual([
    "UNAVAILABLE",
    expect.stringMatching(/sends for it to 127.*403/),
  ]);
});

Deno.test("pullModel() takes a broken hub at its word about when to come back", async () => {
  await using it = await hubBench();
  const respond = () => new Response("", { status: 503, headers: { "retry-after": "3600" } });
  it.server.fail("/revision/main", ...Array.from({ length: 9 }, () => ({ respond })));
  const error = await failure(it.pull());
  expect([error.code, error.details["retryAfterMs"]]).toEqual(["UNAVAILABLE", 3_600_000]);
  expect(it.server.seen.length).toBe(1);
});
