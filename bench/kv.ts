/**
 * What a KV cache in FP8 does to the next-token distributions, and what it saves: the demo's parents over conversations
 * that they were tested with, the fixtures' random models, activations in f32. Figures of arithmetic, not of time, so the
 * same on any device that rounds alike. The full cache is held against the float64 oracle first.
 */
import { GpuDevice } from "../src/gpu/device.ts";
import { demoTexts } from "../tests/model/demo_texts.ts";
import { demoParent, fixture, golden, TestModel } from "../tests/model/harness.ts";
import { forward, loadOracle } from "../tests/oracle/forward.ts";
import { type Divergence, divergence } from "../tests/support/divergence.ts";
import type { Figure } from "./figure.ts";

const TEXTS = 8;
/** Of log-probabilities with a full cache, which differ from float64 by 1e-5. */
const TOLERANCE = 1e-3;

export async function benchKv(): Promise<readonly Figure[]> {
  using device = await GpuDevice.open();
  const figures: Figure[] = [];
  for (const name of ["gqa", "head-dim", "sliding-window"]) {
    const { input_ids } = await golden(name);
    figures.push(...rows(name, await effect(device, fixture(name), [[...input_ids]])));
  }
  for (const parent of ["storyteller", "helper"]) {
    figures.push(...rows(parent, await effect(device, demoParent(parent), await demoTexts(parent, TEXTS))));
  }
  return figures;
}

async function effect(device: GpuDevice, dir: string, texts: readonly number[][]): Promise<Divergence> {
  const oracle = await loadOracle(dir);
  using full = await TestModel.load(device, dir);
  using fp8 = await TestModel.load(device, dir, { kvCacheDtype: "fp8" });
  const [expected, found]: [number[], number[]] = [[], []];
  for (const [index, text] of texts.entries()) {
    const logits = await full.runPrompt(text);
    if (index === 0) {
      const { maxAbs } = divergence(forward(oracle, text).data, logits, full.vocabSize);
      if (!(maxAbs < TOLERANCE)) throw new Error(`${dir} is off by ${maxAbs} with a full cache`);
    }
    for (const logit of logits) expected.push(logit);
    for (const logit of await fp8.runPrompt(text)) found.push(logit);
  }
  return divergence(expected, found, full.vocabSize);
}

function rows(
  name: string,
  { positions, maxAbs, rms, expectedAbs, klMean, klMax, sameBest }: Divergence,
): Figure[] {
  return [
    {
      name: `${name}: log-probabilities, largest`,
      value: maxAbs,
      unit: "nats",
      note: `${positions} positions`,
    },
    { name: `${name}: log-probabilities, RMS`, value: rms, unit: "nats" },
    { name: `${name}: log-probabilities, by weight`, value: expectedAbs, unit: "nats" },
    { name: `${name}: KL divergence, mean`, value: klMean, unit: "nats" },
    { name: `${name}: KL divergence, largest`, value: klMax, unit: "nats" },
    { name: `${name}: same most likely token`, value: 100 * sameBest, unit: "%" },
  ];
}
