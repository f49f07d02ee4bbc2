/** Every kernel, for tests, warm-up and benchmarks to walk. */
import type { AnyKernel } from "../gpu/kernel.ts";
import { attention } from "./attention.ts";
import { attentionCombine, attentionFlash } from "./attention_flash.ts";
import { attentionPrompt } from "./attention_prompt.ts";
import { embed } from "./embed.ts";
import { gateUp } from "./gate_up.ts";
import { headNorm } from "./head_norm.ts";
import { linearResidual } from "./linear_residual.ts";
import { lmHead } from "./lm_head.ts";
import { qkvRope } from "./qkv_rope.ts";
import { quantizeCache } from "./quantize_cache.ts";
import { quantizeRows } from "./quantize_rows.ts";
import { rmsNorm } from "./rms_norm.ts";
import { sample } from "./sample.ts";
import { sampleGroups } from "./sample_groups.ts";

export const ALL_KERNELS: readonly AnyKernel[] = [
  quantizeRows,
  embed,
  rmsNorm,
  qkvRope,
  headNorm,
  quantizeCache,
  attention,
  attentionFlash,
  attentionCombine,
  attentionPrompt,
  linearResidual,
  gateUp,
  lmHead,
  sampleGroups,
  sample,
];
