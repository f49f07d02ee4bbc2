/**
 * Two ways round the price of a dependency between dispatches. `chained`: the phases of decoder layers in one dispatch,
 * workgroups of a phase wait for a counter of the one before, their weights already in registers; sound as long as
 * workgroups start in order, which no standard promises. `readAhead`: workgroups beside a latency-bound kernel read the
 * next matrix, so that it comes out of the second-level cache.
 */
import { type Lab, randomCodes, round } from "./harness.ts";

const LOADS = 8; // of 16 bytes a lane and weight row
const SEGMENTS = 4; // of a row of the last phase
const PHASES = 5;
/** A layer's pairs of weight rows; the second phase stands for attention. */
const PAIRS = [3072, 0, 2048, 14336, 2048] as const;
const FEW_PAIRS = [48, 0, 32, 64, 32] as const;

interface Layout {
  readonly size: number; // of a subgroup
  readonly workgroup: number;
  readonly layers: number;
  readonly workgroups: readonly number[]; // by phase
  readonly starts: readonly number[]; // first workgroup
  readonly units: readonly number[]; // first 16 bytes of weights
  readonly layerUnits: number;
  readonly region: number; // 16 bytes between one phase's input and the next one's
}

function layOut(size: number, workgroup: number, layers: number, pairs: readonly number[]): Layout {
  const teams = workgroup / size;
  const workgroups = pairs.map((count, phase) =>
    phase === 1 ? (layers > 2 ? 32 : 2) : Math.ceil(count * (phase === 4 ? SEGMENTS : 1) / teams)
  );
  const unitsOf = workgroups.map((count, phase) =>
    phase === 1 ? count * 16 * workgroup : count * teams * 2 * LOADS * size
  );
  const before = (counts: readonly number[]) =>
    counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
  return {
    size,
    workgroup,
    layers,
    workgroups,
    starts: before(workgroups),
    units: before(unitsOf),
    layerUnits: unitsOf.reduce((a, b) => a + b, 0),
    region: Math.ceil(Math.max(...pairs, LOADS * SEGMENTS * 2 * size * 4) / 4) + 64,
  };
}

interface Mode {
  /** Weights are loaded before the wait, not behind it. */
  readonly early: boolean;
  readonly waits: boolean;
}

function shader(
  { size, workgroup, layers, workgroups, starts, units, layerUnits, region }: Layout,
  { early, waits }: Mode,
  polls: number,
): string {
  const each = (make: (u: number) => string) =>
    Array.from({ length: LOADS }, (_, u) => make(u)).join("\n    ");
  const perLayer = workgroups.reduce((a, b) => a + b, 0);
  const loads = each((u) =>
    `let e${u} = pool[at + ${u}u * SIZE]; let o${u} = pool[at + ${LOADS + u}u * SIZE];`
  );
  const products = (sum: string, weights: string) =>
    ["x", "y", "z", "w"].map((word, i) => {
      const [unit, first, second] = i < 2 ? ["a", "xz"[i], "yw"[i]] : ["b", "xz"[i - 2], "yw"[i - 2]];
      return `${sum} = fma(even(${weights}.${word}), pair(${unit}.${first}), ${sum});
      ${sum} = fma(even(${weights}.${word} >> 8u), pair(${unit}.${second}), ${sum});`;
    }).join("\n      ");
  const body = each((u) =>
    `{
      let a = state[x_at + ${u}u * 2u * SIZE];
      let b = state[x_at + ${u}u * 2u * SIZE + SIZE];
      var first = vec2<f16>(0.0h);
      var second = vec2<f16>(0.0h);
      ${products("first", `e${u}`)}
      ${products("second", `o${u}`)}
      sum += vec2<f32>(f32(first.x) + f32(first.y), f32(second.x) + f32(second.y));
    }`
  );
  const gaveUp = layers * PHASES * 32;
  const wait = waits
    ? `if (local == 0u && index > 0u) {
      for (var i = 0u; i < ${polls}u; i++) {
        if (atomicLoad(&counters[(index - 1u) * 32u]) >= expected || atomicLoad(&counters[${gaveUp}u]) > 0u) { break; }
        if (i == ${polls - 1}u) { atomicStore(&counters[${gaveUp}u], index); }
      }
    }
    storageBarrier();
    workgroupBarrier();`
    : "";
  // Whatever is loaded early must have been, before the wait begins.
  const uses = early && waits
    ? `if (((${
      Array.from({ length: LOADS }, (_, u) => `e${u}.x ^ o${u}.w`).join(" ^ ")
    }) ^ 0x5a5a1234u) == 0xdeadbeefu) {
      atomicAdd(&counters[${gaveUp}u], 1u);
    }`
    : "";
  return `enable f16;
const SIZE = ${size}u;
struct Params { first: u32 }
@group(0) @binding(0) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> counters: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;
var<workgroup> parts: array<vec2<f32>, ${workgroup / size}>;
fn pair(word: u32) -> vec2<f16> { return vec2<f16>(unpack2x16float(word)); }
fn even(word: u32) -> vec2<f16> { return pair(((word & 0x00800080u) << 8u) | ((word & 0x007f007fu) << 7u)); }
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let id = params.first + group.x;
  let layer = id / ${perLayer}u;
  let within = id % ${perLayer}u;
  var phase = 0u;
  var start = 0u;
  var units = 0u;
  var expected = ${workgroups[4]}u;
  ${
    [1, 2, 3, 4].map((p) =>
      `if (within >= ${starts[p]}u) { phase = ${p}u; start = ${starts[p]}u; units = ${
        units[p]
      }u; expected = ${workgroups[p - 1]}u; }`
    ).join("\n  ")
  }
  let index = layer * ${PHASES}u + phase;
  let own = within - start;
  let lane = local % SIZE;
  let team = local / SIZE;
  if (phase == 1u) {
    ${wait}
    let at = layer * ${layerUnits}u + units + own * ${16 * workgroup}u + local;
    var v = state[lane].x & 7u;
    for (var i = 0u; i < 6u; i++) { v = pool[at + i * ${2 * workgroup}u + (v & 7u)].x; }
    if (own == 0u) { state[${2 * region}u + local] = vec4<u32>(0x38003800u ^ (v & 0x00ff00ffu)); }
  } else {
    let task = own * ${workgroup / size}u + team;
    let at = layer * ${layerUnits}u + units + task * ${2 * LOADS}u * SIZE + lane;
    let segment = select(0u, task % ${SEGMENTS}u, phase == 4u);
    ${early ? loads : ""}
    ${uses}
    ${wait}
    ${early ? "" : loads}
    let x_at = phase * ${region}u + segment * ${2 * LOADS}u * SIZE + lane;
    var sum = vec2<f32>(0.0);
    ${body}
    for (var step = SIZE / 2u; step > 0u; step /= 2u) { sum += subgroupShuffleXor(sum, step); }
    if (phase == 4u) {
      if (lane == 0u) { parts[team] = sum; }
      workgroupBarrier();
      sum = parts[team];
      if (segment == 0u) { sum += parts[team + 1u] + parts[team + 2u] + parts[team + 3u]; }
    }
    if (lane == 0u && segment == 0u) {
      let word = select(task, task / ${SEGMENTS}u, phase == 4u);
      let out = select(phase + 1u, 0u, phase == 4u) * ${region}u + word / 4u;
      state[out][word % 4u] = pack2x16float(fract(sum * 0.01));
    }
  }
  ${
    waits
      ? `storageBarrier();
  workgroupBarrier();
  if (local == 0u) { atomicAdd(&counters[index * 32u], 1u); }`
      : ""
  }
}`;
}

/** Microseconds a layer, and a checksum that is the same in every mode of a workgroup size. */
export async function chained(lab: Lab): Promise<Record<string, unknown>> {
  const { software, subgroupSize } = lab.gpu.info;
  if (!lab.gpu.has("shader-f16") || subgroupSize === null) return { needs: "shader-f16 and subgroups" };
  const layers = software ? 2 : 8;
  const result: Record<string, unknown> = {};
  for (const workgroup of software ? [64] : [128, 256]) {
    const layout = layOut(subgroupSize, workgroup, layers, software ? FEW_PAIRS : PAIRS);
    const table: Record<string, unknown> = { MB: round(layout.layerUnits * 16 / 1e6, 1) };
    result[`workgroup ${workgroup}`] = table;
    const pool = lab.buffer(layout.layerUnits * 16 * layers);
    lab.fill(pool, randomCodes(16 * 2 ** 20, 5));
    for (const early of [true, false]) {
      for (const waits of [false, true]) {
        const name = `${waits ? "chained" : "a dispatch a phase"}, weights ${
          early ? "first" : "behind the wait"
        }`;
        table[name] = await timeMode(lab, layout, pool, { early, waits });
      }
    }
    pool.destroy();
  }
  return result;
}

async function timeMode(lab: Lab, layout: Layout, pool: GPUBuffer, mode: Mode) {
  const { device, gpu: { info: { software } } } = lab;
  const { layers, region, workgroups, starts } = layout;
  const perLayer = workgroups.reduce((a, b) => a + b, 0);
  const state = lab.buffer(region * 16 * (PHASES + 1));
  const counters = lab.buffer(4 * 32 * (layers * PHASES + 1));
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const uniforms = lab.buffer(256 * layers * PHASES, UNIFORM | COPY_DST);
  for (let i = 0; i < layers * PHASES; i++) {
    const first = Math.floor(i / PHASES) * perLayer + starts[i % PHASES]!;
    device.queue.writeBuffer(uniforms, 256 * i, Uint32Array.of(first, 0, 0, 0));
  }
  const bindings = lab.sharedLayout(["read", "write", "write", "window"]);
  const pipeline = await bindings.compile(shader(layout, mode, software ? 4e6 : 20_000));
  const group = bindings.bind([pool, state, counters, uniforms]);
  const queries = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolve = lab.buffer(256, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  const seed = new Uint32Array(region * 4 * (PHASES + 1)).fill(0x38003800);
  const times: number[] = [];
  let checksum = 0;
  for (let turn = 0; turn < (software ? 1 : 7); turn++) {
    device.queue.writeBuffer(state, 0, seed);
    await lab.heat();
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(counters);
    const timestampWrites = { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    pass.setPipeline(pipeline);
    for (let i = 0; i < (mode.waits ? 1 : layers * PHASES); i++) {
      pass.setBindGroup(0, group, [256 * i]);
      pass.dispatchWorkgroups(mode.waits ? perLayer * layers : workgroups[i % PHASES]!);
    }
    pass.end();
    encoder.resolveQuerySet(queries, 0, 2, resolve, 0);
    device.queue.submit([encoder.finish()]);
    const stamps = new BigUint64Array(await lab.read(resolve, 16));
    times.push(Number(stamps[1]! - stamps[0]!) / 1000 / layers);
    const words = new Uint32Array(await lab.read(state, state.size));
    checksum = words.reduce((sum, word) => (Math.imul(sum, 31) + word) >>> 0, 7);
    const [waitedInVain] = new Uint32Array(await lab.read(counters, 4, 4 * 32 * layers * PHASES));
    if (waitedInVain! > 0) throw new Error(`phase ${waitedInVain} waited in vain`);
  }
  queries.destroy();
  return { us: round(times.sort((a, b) => a - b)[times.length >> 1]!, 1), checksum };
}

const AHEAD = `
struct Params { at: u32, units: u32, few: u32 }
@group(0) @binding(0) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(256)
fn slow(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  if (group.x < params.few) {
    var v = state[local];
    for (var i = 0u; i < 8u; i++) {
      v = pool[(params.at + i * 131u + group.x * 4096u + local + (v & 7u)) % (params.units * 4u)].x;
    }
    state[local] = v;
  } else {
    let at = params.at + ((group.x - params.few) * 256u + local) * 2u;
    let a = pool[at];
    let b = pool[at + 1u];
    if ((a.x ^ b.y) == 0x12345678u) { state[local] = a.x; }
  }
}
@compute @workgroup_size(256)
fn product(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = params.at + group.x * 2048u + local;
  var v = vec4<u32>(state[local]);
  ${Array.from({ length: 8 }, (_, i) => `v ^= pool[at + ${i * 256}u];`).join(" ")}
  if ((v.x ^ v.y ^ v.z ^ v.w) == 0x12345678u) { state[local] = v.x; }
}`;

/** Microseconds of a latency-bound kernel and of 17 MB read behind it, which it may read ahead. */
export async function readAhead(lab: Lab): Promise<Record<string, number>> {
  const { device, gpu: { info: { software } } } = lab;
  const [matrix, count] = software ? [2 ** 20, 2] : [16 * 2 ** 20, 64];
  const pool = lab.buffer(matrix * count);
  lab.fill(pool, randomCodes(16 * 2 ** 20, 5));
  const [state, units, few] = [lab.buffer(4096), matrix / 16, 16];
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const uniforms = lab.buffer(256 * count, UNIFORM | COPY_DST);
  for (let i = 0; i < count; i++) {
    device.queue.writeBuffer(uniforms, 256 * i, Uint32Array.of(i * units, units, few, 0));
  }
  const layout = lab.sharedLayout(["read", "write", "window"]);
  const [slow, product] = await Promise.all(
    ["slow", "product"].map((entryPoint) => layout.compile(AHEAD, entryPoint)),
  ) as [GPUComputePipeline, GPUComputePipeline];
  const group = layout.bind([pool, state, uniforms]);
  const result: Record<string, number> = {};
  const WAYS = { "slow": [true, false], "product": [false, true], "slow, product": [true, true] } as const;
  for (const [name, [first, second]] of Object.entries(WAYS)) {
    for (const ahead of first ? [0, units / 512] : [0]) {
      const us = await lab.time((pass) => {
        for (let i = 0; i < count; i++) {
          pass.setBindGroup(0, group, [256 * i]);
          if (first) {
            pass.setPipeline(slow);
            pass.dispatchWorkgroups(few + ahead);
          }
          if (second) {
            pass.setPipeline(product);
            pass.dispatchWorkgroups(units / 2048);
          }
        }
      });
      result[`${name}${ahead > 0 ? ", read ahead" : ""}: µs`] = round(us / count);
    }
  }
  return result;
}
