/**
 * What a merge writes, read by somebody else's code: the safetensors parser of @huggingface/hub, which speaks the hub's
 * protocol. It sees the output folder through a fetch that answers from it.
 */
import { parseSafetensorsMetadata, parseSafetensorsShardFilename } from "@huggingface/hub";
import { expect } from "@std/expect";
import { join } from "node:path";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { runMerge } from "../../src/merge/run.ts";
import { tempDir } from "../support/temp.ts";

const MODELS = new URL("../fixtures/merge/models/", import.meta.url).pathname;
const CONFIG = `
models: [{ model: small-a }, { model: small-b }]
merge_method: slerp
base_model: small-a
parameters: { t: 0.5 }
`;

/** Answers `…/resolve/main/PATH` and ranges of it from a folder, as the hub does. */
function folderFetch(dir: string): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const [, path] = /\/(?:resolve|raw)\/main\/([^?]+)/.exec(request.url) ?? [];
    const bytes = path === undefined ? null : await Deno.readFile(join(dir, path)).catch(() => null);
    if (bytes === null) {
      return new Response("Entry not found", { status: 404, headers: { "x-error-code": "EntryNotFound" } });
    }
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "") ?? [];
    if (first === undefined) {
      return new Response(bytes, { headers: { "content-length": `${bytes.length}`, etag: '"e"' } });
    }
    const slice = bytes.slice(Number(first), Number(last) + 1);
    const headers = {
      "content-range": `bytes ${first}-${Number(first) + slice.length - 1}/${bytes.length}`,
      "content-length": `${slice.length}`,
      etag: '"e"',
    };
    return new Response(slice, { status: 206, headers });
  };
}

for (const [what, shardBytes] of [["one file", 5e9], ["shards", 30_000]] as const) {
  Deno.test(`the hub's own parser finds every tensor of a merge in ${what}`, async () => {
    await using dir = await tempDir();
    const outDir = dir.join("out");
    await runMerge({
      config: CONFIG,
      outDir,
      shardBytes,
      resolve: (name) => Promise.resolve(join(MODELS, name)),
    });
    const parsed = await parseSafetensorsMetadata({
      repo: "owner/merged",
      hubUrl: "http://127.0.0.1:1",
      computeParametersCount: true,
      fetch: folderFetch(outDir),
    });
    const headers = parsed.sharded ? Object.values(parsed.headers) : [parsed.header];
    const found = new Map(
      headers.flatMap((header) => Object.entries(header)).filter(([name]) => name !== "__metadata__"),
    );
    using checkpoint = await openCheckpoint(outDir);
    expect([...found.keys()].sort()).toEqual([...checkpoint.tensors.keys()].sort());
    for (const [name, { dtype, shape }] of checkpoint.tensors) {
      expect(found.get(name)).toMatchObject({ dtype, shape: [...shape] });
    }
    const elements = [...checkpoint.tensors.values()].reduce(
      (sum, { byteLength }) => sum + byteLength / 2,
      0,
    );
    expect(parsed.parameterCount).toEqual({ BF16: elements });
    expect(parsed.sharded).toBe(what === "shards");
    if (parsed.sharded) {
      expect(Object.keys(parsed.headers).every((file) => parseSafetensorsShardFilename(file) !== null)).toBe(
        true,
      );
      expect(parsed.index.metadata?.["total_size"]).toBe(2 * elements);
    }
  });
}
