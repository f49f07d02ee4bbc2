/** How a model is held on the device and run, the same for all commands that load one. The first word is the default. */
import type { Accumulation } from "../model/runner.ts";
import type { Invocation, OptionSpec } from "./command.ts";

export const quantizationOption: OptionSpec = {
  type: "string",
  value: "none|fp8",
  description: "fp8: linear layers in 8 bits, a scale for each output channel (default none: as stored)",
};

export const precisionOption: OptionSpec = {
  type: "string",
  value: "f32|f16",
  description:
    "Number type of activations and KV cache; f16 ends at 65,504, and an answer whose activations pass it fails (default f32)",
};

export const accumulationOption: OptionSpec = {
  type: "string",
  value: "f32|f16",
  description:
    "f16: with fp8 weights and f16 activations, a GPU adds short chains of products in f16, which is faster (default f32)",
};

/** Throws UsageError for sums in f16 of what is f32, which would be asked for in vain. */
export function accumulationOf(invocation: Invocation): Accumulation {
  const accumulation = invocation.choice("accumulation", ["f32", "f16"]);
  if (accumulation === "f32" || invocation.choice("precision", ["f32", "f16"]) === "f16") return accumulation;
  throw invocation.usageError(
    "--accumulation f16 has no effect with --precision f32: give --precision f16, too",
  );
}

export const kvCacheDtypeOption: OptionSpec = {
  type: "string",
  value: "auto|fp8",
  description: "fp8: KV cache in 8 bits, a scale for each token and head (default auto: as --precision)",
};

export const speculationOption: OptionSpec = {
  type: "string",
  value: "auto|off",
  description: "auto: guess next tokens where text repeats itself; answers are the same (default auto)",
};
