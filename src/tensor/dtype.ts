/**
 * The element types a safetensors file may hold, and how many bits each takes: a reader must be able to size every
 * tensor, even one nobody computes with. Arithmetic exists for {@link FloatDtype} only. Dtype names are the format's
 * own; the names of configuration files ("bfloat16") are translated here and nowhere else.
 */

/** Bits per element by safetensors name. Sub-byte types are packed and their tensors must end on a byte. */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const satisfies Record<string, number>;

export type Dtype = keyof typeof DTYPE_BITS;

/** The types that can be read as, and written from, float32 values. */
export type FloatDtype = "BF16" | "F16" | "F32" | "F8_E4M3";

/** The types that the weights of a model which runs may have, and a merge may write. */
export type WeightDtype = Exclude<FloatDtype, "F8_E4M3">;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BITS, name);
}

export function isWeightDtype(name: string): name is WeightDtype {
  return name === "BF16" || name === "F16" || name === "F32";
}

export function isFloatDtype(name: string): name is FloatDtype {
  return isWeightDtype(name) || name === "F8_E4M3";
}

/** Bytes of one element of a float type. */
export function bytesPerElement(dtype: FloatDtype): number {
  return DTYPE_BITS[dtype] / 8;
}

const CONFIG_NAMES: ReadonlyMap<string, WeightDtype> = new Map([
  ["bfloat16", "BF16"],
  ["float16", "F16"],
  ["float32", "F32"],
]);

/** The names that {@link parseConfigDtype} knows, for messages. */
export const CONFIG_DTYPE_NAMES: readonly string[] = [...CONFIG_NAMES.keys()];

/** "bfloat16" or "torch.bfloat16" → "BF16"; `undefined` for anything else. */
export function parseConfigDtype(name: string): WeightDtype | undefined {
  return CONFIG_NAMES.get(name.startsWith("torch.") ? name.slice("torch.".length) : name);
}

/** "BF16" → "bfloat16", as config.json and merge configurations spell it. */
export function configDtypeName(dtype: WeightDtype): string {
  return dtype === "BF16" ? "bfloat16" : dtype === "F16" ? "float16" : "float32";
}

/**
 * Bytes of a tensor, or `undefined` where the element count or size is no safe integer or does not fill whole bytes:
 * a shape out of a hostile file must not overflow into a small number.
 */
export function tensorByteLength(dtype: Dtype, shape: readonly number[]): number | undefined {
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) return undefined;
  if (shape.includes(0)) return 0;
  let elements = 1n;
  for (const dimension of shape) {
    elements *= BigInt(dimension);
    if (elements > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  }
  const bits = elements * BigInt(DTYPE_BITS[dtype]);
  if (bits % 8n !== 0n) return undefined;
  const bytes = bits / 8n;
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : undefined;
}
