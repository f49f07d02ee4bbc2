/** Enums that several domains share. Values on the wire equal the use cases' own, unless mapped here. */
import type { KvCacheFormat, Quantization } from "../src/model/runner.ts";
import { builder } from "./builder.ts";

export const DtypeEnum = builder.enumType("Dtype", {
  description: "How numbers are stored in a checkpoint.",
  values: ["FLOAT32", "FLOAT16", "BFLOAT16", "FLOAT8_E4M3"] as const,
});

export const QuantizationEnum = builder.enumType("Quantization", {
  description: "How weights are held on the device.",
  values: {
    NONE: { value: "none" as Quantization, description: "As the checkpoint stores them." },
    FP8_E4M3: {
      value: "fp8" as Quantization,
      description: "Linear layers as 8-bit floats with one scale per output channel.",
    },
  },
});

export const KvCacheFormatEnum = builder.enumType("KvCacheFormat", {
  description: "How keys and values are held on the device.",
  values: {
    FLOAT32: { value: "f32" as KvCacheFormat },
    FLOAT16: { value: "f16" as KvCacheFormat },
    FP8_E4M3: {
      value: "fp8" as KvCacheFormat,
      description:
        "8-bit floats with one scale per token and head; answers differ a little from those of FLOAT32.",
    },
  },
});

export const MessageRoleEnum = builder.enumType("Role", {
  description: "Who speaks in a conversation.",
  values: ["SYSTEM", "USER", "ASSISTANT"] as const,
});

export const ModelTaskEnum = builder.enumType("ModelTask", { values: ["TEXT_GENERATION"] as const });

export const ResidencyStateEnum = builder.enumType("ResidencyState", {
  description: "Where a model's weights are.",
  values: {
    MISSING_WEIGHTS: { description: "The checkpoint's files are not on this machine." },
    COLD: { description: "On disk; the first generation loads it." },
    LOADING: { description: "On the way to the device." },
    WARM: { description: "On the device." },
    UNLOADING: { description: "Leaving the device." },
    FAILED: { description: "The last load failed; see `error`." },
  } as const,
});
