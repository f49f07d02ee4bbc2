import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import { embed } from "../../src/kernels/embed.ts";
import { gpuTest } from "./device.ts";

/** An embedding of sixteen tokens whose every value is the token's id. */
async function setUp(device: GpuDevice, owned: DisposableStack) {
  const buffer = (label: string, contents: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => {
    const made = owned.use(device.createBuffer({ label, bytes: contents.byteLength }));
    device.handle.queue.writeBuffer(made.handle, 0, contents);
    return made;
  };
  const hidden = buffer("hidden", new Float32Array(512));
  const kernel = await device.compile(embed, { libs: { weight: "weight_f32" } });
  const bound = kernel.bind({
    weights: buffer("weights", Float32Array.from({ length: 256 }, (_, i) => i >> 4)),
    plan: buffer("plan", Uint32Array.of(7, 0, 0, 0, 0)),
    last_tokens: buffer("last tokens", new Uint32Array(1)),
    hidden,
  });
  const ring = owned.use(await ReadbackRing.create(device, { depth: 1, bytes: 4 }));
  return {
    hidden,
    /** Dispatches with a slice that begins at such a token: row 0 gets token 7's values from there. */
    embedFrom: (step: StepEncoder, firstToken: number) =>
      step.dispatch(bound, { rows: 1, groups: 1, firstToken, tokens: 16, live: 4 }),
    /** The first value of the row once the step is done. */
    run: async (step: StepEncoder) => {
      const ticket = ring.enqueue(step, hidden, 0, 4);
      step.submit();
      return new Float32Array(await ring.read(ticket))[0];
    },
  };
}

gpuTest("a bound kernel takes its params from the arena of the encoder", async (device) => {
  using owned = new DisposableStack();
  const { embedFrom, run } = await setUp(device, owned);
  const arenas = [1, 1].map((capacity) => owned.use(new ParamsArena(device, capacity)));
  for (const [arena, firstToken] of [[0, 0], [1, 3], [0, 5], [1, 1]] as const) {
    const step = new StepEncoder(device, arenas[arena]!);
    embedFrom(step, firstToken);
    expect(await run(step)).toBe(7 - firstToken);
  }
});

gpuTest("repeat() dispatches with the params of capture(), wherever these come to lie", async (device) => {
  using owned = new DisposableStack();
  const { embedFrom, run } = await setUp(device, owned);
  const arena = owned.use(new ParamsArena(device, 3));
  const first = new StepEncoder(device, arena);
  const sequence = first.capture(() => [1, 2].forEach((token) => embedFrom(first, token)));
  expect(await run(first)).toBe(5);
  const second = new StepEncoder(device, arena);
  embedFrom(second, 6);
  second.repeat(sequence);
  expect(second.dispatches).toBe(3);
  expect(await run(second)).toBe(5);
});

gpuTest("repeat() refuses another arena, and more than there is room for", async (device) => {
  using owned = new DisposableStack();
  const { embedFrom } = await setUp(device, owned);
  const [arena, other] = [1, 1].map((capacity) => owned.use(new ParamsArena(device, capacity)));
  const step = new StepEncoder(device, arena!);
  const sequence = step.capture(() => embedFrom(step, 0));
  expect(() => step.repeat(sequence)).toThrow("a step has at most 1");
  expect(() => new StepEncoder(device, other!).repeat(sequence)).toThrow("another arena");
});

gpuTest("capture() refuses copies, after which it is over", async (device) => {
  using owned = new DisposableStack();
  const { hidden, run } = await setUp(device, owned);
  const step = new StepEncoder(device, owned.use(new ParamsArena(device, 1)));
  expect(() => step.capture(() => step.copy(hidden, 0, hidden, 4, 4))).toThrow("Cannot copy between");
  expect(await run(step)).toBe(0);
});
