/** What a load says where products were to be added in f16 and will not be. */
import type { DeviceTuning } from "../kernels/tuning.ts";
import type { ModelFormats } from "./matrices.ts";
import type { Accumulation, Precision } from "./runner.ts";
import { haveHalfLayers } from "./sizes.ts";

export interface AccumulationRequest extends Pick<ModelFormats, "layers"> {
  readonly accumulation?: Accumulation | undefined;
  readonly precision: Precision;
  /** With what the device has for it. */
  readonly tuning: Pick<DeviceTuning, "halves">;
}

/** One line, with the reason; null where f16 was not asked for, or where nothing is against it before it is tried. */
export function whyAddedInF32(
  dir: string,
  { adapter }: { readonly adapter: string },
  { accumulation, precision, layers, tuning }: AccumulationRequest,
): string | null {
  if (accumulation !== "f16") return null;
  const because = (reason: string) =>
    `Products of the model in "${dir}" are added in f32, although f16 was asked for: ${reason}`;
  if (precision !== "f16") return because("its activations are in f32");
  if (!haveHalfLayers({ layers })) return because("not all of its layers are in FP8");
  return tuning.halves === undefined ? because(`"${adapter}" has no kernels for it`) : null;
}
