/** Hubs that mean harm, or are too broken to tell the difference: nothing hangs, nothing goes on for ever, nothing leaks. */
import { expect } from "@std/expect";
import { failure } from "../support/failure.ts";
import { hubBench } from "../support/hub_bench.ts";

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
