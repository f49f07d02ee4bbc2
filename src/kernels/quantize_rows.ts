/** Rows of a checkpoint as they lie in its files → E4M3 codes and scales (shaders/quantize_rows.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";

/** In place of where a row begins: there is none, and zeros are written. */
export const NO_ROW = 0xffffffff;

export const RAW_LIBS = ["raw_bf16", "raw_f16", "raw_f32"] as const;

export const quantizeRows = defineKernel({
  name: "quantize_rows",
  bindings: {
    source: "read", // elements of 2 or 4 bytes
    places: "read", // [rows] u32: element of source, or NO_ROW
    codes: "write", // [rows of the slice, groups · 16] E4M3
    channels: "write", // [rows of the slice] (scale, bias); the scale alone is written
  },
  params: { firstRow: "u32", rows: "u32", inputs: "u32", groups: "u32" },
  overrides: { WORKGROUP: 64 },
  libs: { raw: RAW_LIBS },
  grid: ({ rows }) => [rows],
});
