/** Packing in threads and in the calling thread: the same bytes on the device, whatever the dtypes; clean ends. */
import { expect } from "@std/expect";
import { FormatError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/load.ts";
import { pairsOf, rowAt, type RowLayout, sourceRanges } from "../../src/model/row_layout.ts";
import type { Quantization } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { fixture, LOAD, uploadWeights, weightHashes } from "./harness.ts";

const LAYOUTS: Readonly<Record<string, { layout: RowLayout; rows: readonly number[] }>> = {
  "an even number of rows": { layout: { kind: "plain", rows: 6 }, rows: [6] },
  "an odd number of rows": { layout: { kind: "plain", rows: 7 }, rows: [7] },
  "two tensors in turn": { layout: { kind: "interleaved", rows: 5 }, rows: [5, 5] },
  heads: { layout: { kind: "heads", queryHeads: 4, kvHeads: 2, headDim: 6 }, rows: [24, 12, 12] },
};

for (const [name, { layout, rows }] of Object.entries(LAYOUTS)) {
  Deno.test(`rowAt() places every row once, sourceRanges() covers exactly what it needs: ${name}`, () => {
    const packed = pairsOf(layout) * 2;
    const places = Array.from({ length: packed }, (_, row) => rowAt(layout, row));
    const seen = rows.map((count) => Array<number>(count).fill(0));
    for (const place of places) if (place !== null) seen[place[0]]![place[1]]!++;
    expect(seen.flat().every((count) => count === 1)).toBe(true);
    for (let from = 0; from < packed; from += 2) {
      for (let to = from + 2; to <= packed; to += 2) {
        const ranges = sourceRanges(layout, { from, to, tensors: rows.length });
        for (const [tensor, range] of ranges.entries()) {
          const wanted = places.slice(from, to).filter((place) => place?.[0] === tensor).map((place) =>
            place![1]
          );
          expect(range.rows).toBe(wanted.length === 0 ? 0 : Math.max(...wanted) - Math.min(...wanted) + 1);
          if (wanted.length > 0) expect(range.first).toBe(Math.min(...wanted));
        }
      }
    }
  });
}

async function hashesOf(device: GpuDevice, dir: string, quantization: Quantization, threads: number) {
  using checkpoint = await openCheckpoint(dir);
  using owned = new DisposableStack();
  const weights = await uploadWeights(device, checkpoint, { owned, quantization, threads });
  return await weightHashes(device, weights);
}

gpuTest("loadWeights() uploads the same bytes with threads and without", async (device) => {
  await using dir = await tempDir();
  // Mixed dtypes, rows that end inside a group, and chunks that take from one tensor of a matrix only.
  await writeCheckpoint(dir.path, {
    config: {
      hidden_size: 2201,
      intermediate_size: 1001,
      vocab_size: 2001,
      num_hidden_layers: 1,
      num_attention_heads: 22,
      num_key_value_heads: 2,
      head_dim: 100,
    },
    dtypeOf: (name) => name.includes("k_proj") ? "F32" : name.includes("mlp") ? "F16" : "BF16",
  });
  for (const quantization of ["none", "fp8"] as const) {
    const alone = await hashesOf(device, dir.path, quantization, 0);
    expect(await hashesOf(device, dir.path, quantization, 3)).toEqual(alone);
  }
});

gpuTest("loadModel() with threads aborts and fails as it does without", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path, { config: { vocab_size: 5000, hidden_size: 512, head_dim: 128 } });
  const options = { ...LOAD, quantization: "fp8", threads: 2 } as const;
  const before = liveBufferCount();
  const controller = new AbortController();
  const reason = new Error("enough");
  const onProgress = ({ loadedBytes }: { loadedBytes: number }) => {
    if (loadedBytes > 0) controller.abort(reason);
  };
  await expect(loadModel(device, dir.path, { ...options, signal: controller.signal, onProgress })).rejects
    .toBe(
      reason,
    );
  expect(liveBufferCount()).toBe(before);
  // The file shrinks after its header has been read.
  const truncate = ({ loadedBytes }: { loadedBytes: number }) => {
    if (loadedBytes === 0) Deno.truncateSync(`${dir.path}/model.safetensors`, 100_000);
  };
  await expect(loadModel(device, dir.path, { ...options, onProgress: truncate })).rejects.toBeInstanceOf(
    FormatError,
  );
  expect(liveBufferCount()).toBe(before);
  using runner = await loadModel(device, fixture("gqa"), options);
  expect(runner.memory.weightBytes).toBeGreaterThan(0);
});
