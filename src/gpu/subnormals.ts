/**
 * Whether a device keeps the subnormal numbers of f16. The decoding of E4M3 (shaders/lib/weight_fp8.wgsl) relies on it: a
 * code's bits are moved under those of f16, and the seven smallest values of either sign become subnormals. WGSL lets a
 * device take these for zero, and the smallest weights would be lost without a sign. So all codes are decoded once.
 */
import { FLOAT8_VALUES } from "../tensor/float8.ts";
import { ask } from "./probe.ts";
import { shaderText } from "./shader.ts";

/** What becomes of them. */
export interface Subnormals {
  /** Decoding to f32 keeps them. */
  readonly decoded: boolean;
  /** So do products in pairs of f16; false without f16 in shaders. */
  readonly multiplied: boolean;
}

const WORDS = 64;
/** Of f16: 1024, with which the smallest product is no subnormal and every product is exact. */
const FACTOR = { bits: 0x6400, value: 1024 } as const;
/** By which the decoding divides. */
const DIVISOR = 256;

const HEAD = `
@group(0) @binding(0) var<storage, read_write> found: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weights: array<WeightGroup>;`;

const DECODES = `${HEAD}
@compute @workgroup_size(${WORDS})
fn main(@builtin(local_invocation_index) local: u32) {
  found[local] = decode4(load_raw4(local / 4u, local % 4u));
}`;

/** As in the cores for pairs of f16. */
const MULTIPLIES = `enable f16;${HEAD}
fn pair_of(bits: u32) -> vec2<f16> {
  return vec2<f16>(unpack2x16float(bits));
}
@compute @workgroup_size(${WORDS})
fn main(@builtin(local_invocation_index) local: u32) {
  let word = load_raw4(local / 4u, local % 4u);
  let factor = pair_of(weights[${WORDS / 4}].x);
  let even = fma(pair_of(even_bits(word)), factor, vec2<f16>(0.0h));
  let odd = fma(pair_of(odd_bits(word)), factor, vec2<f16>(0.0h));
  found[local] = vec4<f32>(f32(even.x), f32(odd.x), f32(even.y), f32(odd.y));
}`;

const known = new WeakMap<GPUDevice, Promise<Subnormals>>();

/** Asked of each device once. Rejects where the driver cannot run what it takes to decode. */
export function probeSubnormals(device: GPUDevice): Promise<Subnormals> {
  let answer = known.get(device);
  if (answer === undefined) {
    answer = probe(device);
    known.set(device, answer);
    answer.catch(() => known.delete(device));
  }
  return answer;
}

async function probe(device: GPUDevice): Promise<Subnormals> {
  const input = new Uint32Array(WORDS + 4);
  new Uint8Array(input.buffer).set(Uint8Array.from({ length: 256 }, (_, code) => code));
  input[WORDS] = FACTOR.bits * 0x10001;
  const keeps = async (label: string, main: string, factor: number) => {
    const code = `${main}\n${shaderText("lib/weight_fp8")}`;
    const found = new Float32Array(await ask(device, { label, code, input, bytes: WORDS * 16 }));
    return FLOAT8_VALUES.every((value, index) =>
      Number.isNaN(value) || found[index] === value / DIVISOR * factor
    );
  };
  const decoded = await keeps("decoded subnormals", DECODES, 1);
  const multiplied = device.features.has("shader-f16") &&
    await keeps("multiplied subnormals", MULTIPLIES, FACTOR.value);
  return { decoded, multiplied };
}
