/**
 * What a tile of products in pairs of f16 waits for (shaders/lib/core_tile_f16.wgsl): by count of instructions it should make
 * half as many products again as it does. The same kernel with parts of it left out, so what it computes is nonsense; what
 * time it takes is not.
 */
import { CompiledKernel } from "../../src/gpu/kernel.ts";
import { readShader } from "../../src/gpu/shader.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import { linearGrid, type LinearTuning, linearVariant, withDefaults } from "../../src/kernels/linear.ts";
import { HALF_TILES } from "../../src/kernels/tuning.ts";
import { type Lab, randomCodes, round } from "./harness.ts";

type Edit = (code: string) => string;

/** The largest tile, whose every team has a chain of its own. */
const LARGEST = HALF_TILES.at(-1)!;

/** Throws where nothing is replaced: the shader has become another. */
function replaced(code: string, pattern: RegExp, by: string | ((...found: string[]) => string)): string {
  const result = typeof by === "string" ? code.replaceAll(pattern, by) : code.replaceAll(pattern, by);
  if (result === code) throw new Error(`Nothing in the shader matches ${pattern}`);
  return result;
}

const asItIs: Edit = (code) => code;

/** Nothing is loaded nor decoded but the first tile. */
const withoutFill: Edit = (code) =>
  replaced(code, /keep_(weights|input)\(next_buffer/g, "drop_$1(next_buffer") + `
fn drop_weights(buffer: u32, group: u32, row: u32, w: vec4<u32>) {}
fn drop_input(buffer: u32, group: u32, row: u32, half: u32, x: vec4<u32>) {}`;

/** Loads from memory and stores into the tile, the same words each time: what decoding and waiting take. */
const withoutDecoding: Edit = (code) => replaced(code, /(even|odd)_bits\(w\[/g, "(w[");

/** Tiles are read while they are written. */
const withoutBarriers: Edit = (code) => {
  const loop = code.indexOf("for (var base = 0u");
  return code.slice(0, loop) + replaced(code.slice(loop), /workgroupBarrier\(\);/g, "");
};

/** Of the products of a quad of rows and one of tokens, every fourth; each word is still used. */
const quarterOfProducts: Edit = (code) =>
  replaced(
    code,
    /chain_\d+_(\d)_\d+_(\d) = fma\(.*;/g,
    (line, row, token) => row === token ? line : "",
  );

/** Operands come out of registers that change from tile to tile, not out of the tile; no product repeats within a turn. */
const withoutTileReads: Edit = (code) => {
  const turned = (k: string) => ["xyzw", "yzwx", "zwxy", "wxyz"][Number(k) % 4];
  const words = replaced(
    code,
    /= tile_weights\[held_group\]\.pairs\[(\d)\]\[(\d)\]\[row_unit\];/g,
    (_, k, quad) => `= (raw_0 + ${quad}u).${turned(k!)};`,
  );
  return replaced(
    words,
    /= tile_input\[held_group\]\.pairs\[(\d)\]\[\d\]\[token_unit\];/g,
    (_, k) => `= ${Number(k) < 4 ? "low_0" : "high_0"};`,
  );
};

const all = (...edits: readonly Edit[]): Edit => (code) => edits.reduce((text, edit) => edit(text), code);

const CASES: Readonly<Record<string, readonly [Edit, Partial<LinearTuning>?]>> = {
  "as it is": [asItIs],
  "no fill but the first": [withoutFill],
  "no decoding": [withoutDecoding],
  "no barriers": [withoutBarriers],
  "no fill, no barriers": [all(withoutFill, withoutBarriers)],
  "chains of 512": [asItIs, { CHAIN: 512 }],
  "a quarter of the products": [quarterOfProducts],
  "operands not from the tile": [withoutTileReads],
  "chains of 512, no fill, no barriers": [all(withoutFill, withoutBarriers), { CHAIN: 512 }],
  "chains of 512, nothing but products": [all(withoutTileReads, withoutFill, withoutBarriers), {
    CHAIN: 512,
  }],
  "as it is, again": [asItIs],
};

/** Microseconds of gate and up at Mistral 7B's shape for 512 rows, and 10⁹ products a second of those that are there. */
export async function tileParts(lab: Lab): Promise<Record<string, unknown>> {
  const { device, gpu: { info: { software } } } = lab;
  if (!lab.gpu.has("shader-f16")) return { skipped: "needs shader-f16" };
  const [rows, pairs, groups] = software ? [32, 128, 64] : [512, 14336, 256];
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const weights = lab.buffer(pairs * 2 * groups * 16);
  const blocks = Math.ceil(groups / 32);
  const input = lab.buffer(rows * blocks * 1024);
  for (const buffer of [weights, input]) lab.fill(buffer, randomCodes(Math.min(buffer.size, 8 * 2 ** 20)));
  const live = lab.buffer(16, UNIFORM | COPY_DST);
  device.queue.writeBuffer(live, 0, Uint32Array.of(1));
  const params = lab.buffer(256, UNIFORM | COPY_DST);
  device.queue.writeBuffer(params, 0, Uint32Array.of(rows, 0, pairs, 0, groups, 0, 0, pairs));
  const buffers = [
    input,
    lab.buffer(blocks * 2048),
    weights,
    lab.buffer(pairs * 16),
    lab.buffer(rows * pairs * 2),
    live,
    params,
  ];
  const layout = lab.sharedLayout(["read", "read", "read", "read", "write", "uniform", "uniform"]);
  const group = layout.bind(buffers);
  const result: Record<string, unknown> = {};
  for (const [name, [edit, more = {}]] of Object.entries(CASES)) {
    const tuning = { ...LARGEST, ...more };
    const { libs, overrides } = linearVariant("fp8", tuning);
    const chosen = CompiledKernel.chooseLibs(gateUp, {
      libs: { ...libs, act: "act_f16", place: "place_half" },
    });
    try {
      const code = edit(readShader(gateUp.name, chosen, withDefaults(tuning)));
      const pipeline = await layout.compile(code, gateUp.name, overrides);
      const [x, y = 1] = linearGrid({ rows, pairs }, withDefaults(tuning));
      const us = await lab.time((pass) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(x, y);
      });
      result[name] = { us: round(us, 1), G: round(rows * pairs * 2 * groups * 16 / us / 1000, 0) };
    } catch (error) {
      result[name] = String(error).slice(0, 200);
    }
    console.log(name, result[name]);
  }
  return result;
}
