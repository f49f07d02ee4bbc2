/** The classes of the Hugging Face library whose models run. */
/** Decoder layouts that share Mistral's tensors and arithmetic, and what their configuration classes take for granted. */
export const CLASS_DEFAULTS = {
  MistralForCausalLM: { modelType: "mistral", positions: 131072, kvHeads: 8, headDim: null },
  LlamaForCausalLM: { modelType: "llama", positions: 2048, kvHeads: null, headDim: null },
  Qwen2ForCausalLM: { modelType: "qwen2", positions: 32768, kvHeads: 32, headDim: null },
  Qwen3ForCausalLM: { modelType: "qwen3", positions: 32768, kvHeads: 32, headDim: 128 },
} as const;
export type Architecture = keyof typeof CLASS_DEFAULTS;
export const ARCHITECTURES: readonly string[] = Object.keys(CLASS_DEFAULTS);

export function isQwen(architecture: Architecture): boolean {
  return architecture === "Qwen2ForCausalLM" || architecture === "Qwen3ForCausalLM";
}
