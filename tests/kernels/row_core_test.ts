/**
 * core_row_f16 against rms_norm and core_subgroup_f16, and forms that ask for weights first against those that do not, which
 * the float64 oracle holds: every bit is the same.
 */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import type { KernelDeclaration } from "../../src/gpu/kernel.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import {
  halfInput,
  type LinearOverride,
  type LinearTuning,
  linearVariant,
} from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { lmHead } from "../../src/kernels/lm_head.ts";
import { qkvRope } from "../../src/kernels/qkv_rope.ts";
import { EVERY_ROW, rmsNorm } from "../../src/kernels/rms_norm.ts";
import { fitShape } from "../../src/kernels/tuning.ts";
import { rotaryTable } from "../../src/model/rotary.ts";
import { gpuTest } from "../gpu/device.ts";
import {
  hiddenPadded,
  hiddenRows,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padded,
  runKernel,
  SUBGROUP,
} from "./harness.ts";

const GPU = { subgroups: true, feature: "shader-f16" } as const;
const EPS = 1e-5;
/** The row that is taken, of several. */
const [ROWS, ROW] = [3, 1];

const plain: LinearTuning = { core: "core_subgroup_f16", WORKGROUP: 4 * SUBGROUP, LANES: SUBGROUP };
const row = (subgroups: number, UNROLL: number, WORKGROUPS: number): LinearTuning => ({
  core: "core_row_f16",
  WORKGROUP: subgroups * SUBGROUP,
  LANES: SUBGROUP,
  UNROLL,
  WORKGROUPS,
});
const early = (tuning: LinearTuning): LinearTuning => ({ ...tuning, asksEarly: true });
const [ONE, TWO, FOUR, MANY] = [row(4, 1, 1), row(4, 2, 2), row(8, 4, 3), row(16, 3, 264)];
/**
 * No whole turn, several turns, no whole block, more groups than invocations; each with forms that it is a case for, and
 * not with all, for a row's length is in the text and each text takes a driver in software half a second.
 */
const CASES: readonly (readonly [inputs: number, forms: readonly LinearTuning[]])[] = [
  [1, [ONE]],
  [17, [early(FOUR)]],
  [611, [TWO, early(MANY)]],
  [1030, [early(ONE)]],
  [4100, [FOUR, early(MANY)]],
];

const variantOf = (
  kernel: Pick<KernelDeclaration<string, string, LinearOverride>, "libs">,
  tuning: LinearTuning,
  [inputs, pairs]: readonly [number, number],
  libs: Readonly<Record<string, string>> = {},
) => {
  const fitted = fitShape(tuning, { groups: padded(inputs) / 16, pairs });
  const variant = linearVariant("fp8", fitted);
  return { ...variant, libs: { ...variant.libs, input: halfInput(kernel, fitted), ...libs } };
};

/** A residual stream, its gain, and the rows as rms_norm norms them. */
async function rowsOf(device: GpuDevice, inputs: number) {
  const hidden = hiddenRows(noiseMatrix(ROWS, inputs, 1));
  const gain = hiddenRows({ rows: 1, columns: inputs, data: noise(inputs, 2) });
  const { normed } = await runKernel(device, rmsNorm, {}, {
    input: hidden,
    gain,
    plan: new Uint32Array(1),
    live: LIVE,
    normed: { elements: ROWS * hiddenPadded(inputs), type: "f16" },
  }, { rows: ROWS, groups: padded(inputs) / 16, inputSize: inputs, eps: EPS, samples: EVERY_ROW });
  return { hidden, gain, normed: Float16Array.from(normed!) };
}

/** Runs a kernel with the core for one row and with the other; both outputs. */
type Run = (tuning: LinearTuning) => Promise<readonly (Float32Array | undefined)[]>;

async function expectSame(forms: readonly LinearTuning[], run: Run): Promise<void> {
  const expected = await run(plain);
  for (const values of expected) expect(values!.some((value) => value !== 0)).toBe(true);
  for (const form of forms) expect(await run(form)).toEqual(expected);
}

gpuTest("gate_up norms its row and has the bits of others", async (device) => {
  for (const [inputs, forms] of CASES) {
    const { hidden, gain, normed } = await rowsOf(device, inputs);
    const pairs = 37;
    const packed = packWeights("fp8", noiseMatrix(2 * pairs, inputs, 3));
    await expectSame(forms, async (tuning) => {
      const { activated } = await runKernel(
        device,
        gateUp,
        variantOf(gateUp, tuning, [inputs, pairs], { act: "act_f16", place: "place_half" }),
        {
          input: tuning.core === "core_row_f16" ? hidden : normed,
          gain,
          weights: packed.weights,
          channels: packed.channels,
          live: LIVE,
          activated: { elements: ROWS * 512, type: "f16", initial: new Float32Array(ROWS * 512) },
        },
        {
          rows: 1,
          firstRow: ROW,
          pairs,
          firstPair: 0,
          groups: padded(inputs) / 16,
          inputSize: inputs,
          eps: EPS,
          stride: 512,
        },
      );
      return [activated];
    });
  }
}, GPU);

/** What linear_residual adds to rows of halves, with `outputs` of so many inputs. */
async function addedTo(
  device: GpuDevice,
  variant: ReturnType<typeof linearVariant>,
  [inputs, outputs]: readonly [number, number],
  { input, rows = 1, firstRow = ROW, live = 1 }: {
    readonly input: Float16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
    readonly rows?: number;
    readonly firstRow?: number;
    readonly live?: number;
  },
): Promise<Float32Array> {
  const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 3), noise(outputs, 4));
  const { hidden } = await runKernel(device, linearResidual, variant, {
    input,
    weights: packed.weights,
    channels: packed.channels,
    live: Uint32Array.of(live, 0, 0, 0),
    hidden: { elements: ROWS * 512, initial: new Float32Array(ROWS * 512).fill(0.5) },
  }, {
    rows,
    firstRow,
    pairs: Math.ceil(outputs / 2),
    firstPair: 0,
    groups: padded(inputs) / 16,
    stride: 512,
  });
  return hidden!;
}

const SHAPE = { outputs: 41, pairs: 21 } as const;

gpuTest("linear_residual adds its row as it does among others", async (device) => {
  for (const [inputs, forms] of CASES) {
    const { normed } = await rowsOf(device, inputs);
    await expectSame(forms, async (tuning) => {
      const variant = variantOf(linearResidual, tuning, [inputs, SHAPE.pairs]);
      return [await addedTo(device, variant, [inputs, SHAPE.outputs], { input: normed })];
    });
  }
}, GPU);

gpuTest("nothing is added in a step that is over", async (device) => {
  const inputs = 17;
  const { normed } = await rowsOf(device, inputs);
  for (const tuning of [plain, ONE, early(ONE)]) {
    for (const live of [0, 1]) {
      const variant = variantOf(linearResidual, tuning, [inputs, SHAPE.pairs]);
      const hidden = await addedTo(device, variant, [inputs, SHAPE.outputs], { input: normed, live });
      const added = hidden.some((value) => value !== 0.5);
      expect({ tuning, live, added }).toEqual({ tuning, live, added: live === 1 });
    }
  }
}, GPU);

gpuTest("core_subgroup that asks for weights first adds the same", async (device) => {
  for (const [inputs, split, PAIRS, UNROLL] of [[17, 1, 1, 1], [700, 2, 2, 1], [512, 2, 1, 2]] as const) {
    const LANES = split * SUBGROUP;
    const form: LinearTuning = {
      core: "core_subgroup",
      WORKGROUP: 2 * LANES,
      LANES,
      SPLIT: split,
      PAIRS,
      UNROLL,
    };
    const input = Float32Array.from(noise(ROWS * padded(inputs), 5));
    const run = (tuning: LinearTuning, live: number) => {
      const fitted = fitShape(tuning, { groups: padded(inputs) / 16, pairs: SHAPE.pairs });
      return addedTo(device, linearVariant("fp8", fitted), [inputs, SHAPE.outputs], { input, live });
    };
    const expected = await run(form, 1);
    expect(expected.some((value) => value !== 0.5)).toBe(true);
    expect(await run(early(form), 1)).toEqual(expected);
    expect((await run(early(form), 0)).every((value) => value === 0.5)).toBe(true);
  }
}, GPU);

gpuTest(
  "core_subgroup_f16 that asks for the next weights as soon as it can adds the same",
  async (device) => {
    for (const [inputs, PAIRS] of [[17, 2], [257, 1], [611, 2]] as const) {
      const { normed } = await rowsOf(device, inputs);
      const run = (UNROLL: number) => {
        const tuning = { ...plain, TOKENS: 2, PAIRS, UNROLL };
        const variant = variantOf(linearResidual, tuning, [inputs, SHAPE.pairs]);
        const rows = { input: normed, rows: ROWS, firstRow: 0 };
        return addedTo(device, variant, [inputs, SHAPE.outputs], rows);
      };
      const expected = await run(1);
      expect(expected.some((value) => value !== 0.5)).toBe(true);
      expect(await run(2)).toEqual(expected);
    }
  },
  GPU,
);

gpuTest("lm_head norms the row that samples", async (device) => {
  const inputs = 611;
  const { hidden, gain, normed } = await rowsOf(device, inputs);
  const [outputs, pairs] = [75, 38];
  const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 3));
  await expectSame([TWO, early(MANY)], async (tuning) => {
    const alone = tuning.core === "core_row_f16";
    const stride = hiddenPadded(inputs);
    const { logits } = await runKernel(device, lmHead, variantOf(lmHead, tuning, [inputs, pairs]), {
      // Behind rms_norm the first row is the one that samples.
      input: alone ? hidden : normed.slice(ROW * stride),
      gain,
      weights: packed.weights,
      channels: packed.channels,
      live: LIVE,
      plan: Uint32Array.of(0xffff, ROW),
      logits: { elements: outputs },
    }, {
      rows: 1,
      firstRow: 0,
      pairs,
      firstPair: 0,
      groups: padded(inputs) / 16,
      inputSize: inputs,
      eps: EPS,
      outputs,
      samples: 1,
    });
    return [logits];
  });
}, GPU);

gpuTest("qkv_rope norms and rotates its row", async (device) => {
  const [queryHeads, kvHeads, headDim, inputs] = [2, 1, 16, 611] as const;
  const pairs = (queryHeads + 2 * kvHeads) * headDim / 2;
  const { hidden, gain, normed } = await rowsOf(device, inputs);
  const packed = packWeights("fp8", noiseMatrix(2 * pairs, inputs, 3));
  await expectSame([early(ONE), FOUR], async (tuning) => {
    const { queries, cache } = await runKernel(
      device,
      qkvRope,
      variantOf(qkvRope, tuning, [inputs, pairs], { kept: "kept_rows" }),
      {
        input: tuning.core === "core_row_f16" ? hidden : normed,
        gain,
        weights: packed.weights,
        channels: packed.channels,
        live: LIVE,
        rotary: rotaryTable({ ropeTheta: 10_000, ropeScaling: null, headDim }, 10),
        plan: Uint32Array.from([9, 7, 5].flatMap((position) => [0, 0, position, 0])),
        queries: { elements: ROWS * 32, initial: new Float32Array(ROWS * 32) },
        cache: { elements: ROWS * 32, initial: new Float32Array(ROWS * 32) },
      },
      {
        rows: 1,
        firstRow: ROW,
        pairs,
        firstPair: 0,
        groups: padded(inputs) / 16,
        inputSize: inputs,
        eps: EPS,
        queryHeads,
        kvHeads,
        headDim,
        queryStride: 32,
        blockSize: 16,
      },
    );
    return [queries, cache];
  });
}, GPU);
