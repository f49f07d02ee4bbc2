/**
 * What a kernel waits for before its first weights are on their way. A product takes longer in a step than repeated by
 * itself, and what it finds cold there are its parameters, the flag that says whether anybody still wants the step, its
 * descriptors, its input and its code: a layer's weights pass through the second-level cache between two steps' uses of
 * them. Here a reader of a large matrix goes before a reader of a small one, which asks for one of these things after the
 * other. Nothing is computed.
 */
import { type Lab, randomCodes, round } from "./harness.ts";

const WORKGROUP = 256;
const LOADS = 8;
const PIECE = WORKGROUP * LOADS; // units of 16 bytes

/** Expressions of a probe: what it does in front of its loads, where they are, and what it does behind them. */
interface Probe {
  readonly before?: string;
  readonly at: string;
  readonly behind?: string;
  /** Pipelines, or bind groups with a buffer of their own, used in turns. */
  readonly pipelines?: number;
  readonly buffers?: number;
}

/** A norm's beginning: the row, its sum by a tree in workgroup memory. */
const NORM = `
  var row = state[local % 64u];
  partial[local] = row;
  for (var step = ${WORKGROUP / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (local < step) { partial[local] += partial[local + step]; }
  }
  workgroupBarrier();
  sum.x ^= partial[0];`;

/**
 * So many KB of machine code that runs once, at 16 bytes an instruction: products whose constants cannot be put together.
 * What it takes to compute is in both figures of a probe; what it takes to be read is in the first one, and in the second
 * as well where pipelines take turns and together have more code than a processor keeps.
 */
function code(kilobytes: number): string {
  const line = (i: number) => `sum = sum * sum + vec4<u32>(${[1, 3, 5, 7].map((n) => `${8 * i + n}u`)});`;
  return Array.from({ length: kilobytes * 1024 / 64 }, (_, i) => line(i)).join("\n  ");
}

const FLAG = "if (live == 0u) { return; }";
const PROBES: Readonly<Record<string, Probe>> = {
  "constants only": { at: "0u" },
  "where, from parameters": { at: "params.first" },
  "a flag first, then parameters": { before: FLAG, at: "params.first" },
  "a flag and parameters behind the loads": { at: "0u", behind: `${FLAG} sum.x ^= params.first;` },
  "input behind the loads": { at: "0u", behind: NORM },
  "a flag, parameters, input, then the loads": { before: `${FLAG} ${NORM}`, at: "params.first" },
  "parameters and input behind the loads": {
    at: "0u",
    behind: `${FLAG} if (params.pieces == 0u) { return; } ${NORM}`,
  },
  "buffers in turns": { at: "0u", buffers: 12 },
  "pipelines in turns": { at: "0u", pipelines: 12 },
  "8 KB of code before the loads": { before: code(8), at: "0u" },
  "8 KB of code behind the loads": { at: "0u", behind: code(8) },
  "24 KB of code before the loads": { before: code(24), at: "0u" },
  "24 KB of code behind the loads": { at: "0u", behind: code(24) },
  "24 KB of code behind the loads, 6 pipelines in turns": { at: "0u", behind: code(24), pipelines: 6 },
};

function shader({ before = "", at, behind = "" }: Probe, turn = 0): string {
  const each = (make: (u: number) => string) => Array.from({ length: LOADS }, (_, u) => make(u)).join(" ");
  return `
struct Params { first: u32, pieces: u32 }
var<workgroup> partial: array<u32, ${WORKGROUP}>;
@group(0) @binding(0) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
@group(0) @binding(3) var<uniform> live: u32;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = vec4<u32>(${turn}u);
  ${before}
  let at = ${at} + group.x * ${PIECE}u + local / 32u * ${32 * LOADS}u + local % 32u;
  ${each((u) => `let v${u} = pool[at + ${u * 32}u];`)}
  ${behind}
  ${each((u) => `sum ^= v${u} + ${turn * LOADS + u}u;`)}
  if ((sum.x ^ sum.y ^ sum.z ^ sum.w) == 0x12345678u) { state[local % 64u] = sum.x; }
}`;
}

/** Microseconds that a probe adds behind the large reader, and of a probe behind itself. */
export async function cold(lab: Lab): Promise<Record<string, unknown>> {
  const { device, gpu: { info: { software } } } = lab;
  const scale = software ? 2 ** 12 : 2 ** 20;
  const count = 12;
  const [small, large] = [16 * scale, 112 * scale];
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const state = lab.buffer(256);
  const flag = lab.buffer(256, UNIFORM | COPY_DST);
  device.queue.writeBuffer(flag, 0, Uint32Array.of(1));
  const uniforms = lab.buffer(256 * count, UNIFORM | COPY_DST);
  for (let i = 0; i < count; i++) device.queue.writeBuffer(uniforms, 256 * i, Uint32Array.of(0, 1, 0, 0));
  const layout = lab.sharedLayout(["read", "write", "window", "uniform"]);
  const compile = (probe: Probe, turn = 0) => layout.compile(shader(probe, turn));
  const bind = (pool: GPUBuffer) => layout.bind([pool, state, uniforms, flag]);
  const codes = randomCodes(small, 3);
  const pools = Array.from({ length: count }, () => {
    const pool = lab.buffer(small);
    lab.fill(pool, codes);
    return bind(pool);
  });
  const wide = lab.buffer(large);
  lab.fill(wide, codes);
  const [reader, flush] = [await compile({ at: "0u", before: "sum.x ^= state[local % 64u];" }), bind(wide)];
  const read = (pass: GPUComputePassEncoder, i: number) => {
    pass.setPipeline(reader);
    pass.setBindGroup(0, flush, [256 * i]);
    pass.dispatchWorkgroups(large / 16 / PIECE);
  };
  const each = async (run: (pass: GPUComputePassEncoder, i: number) => void) =>
    await lab.time((pass) => {
      for (let i = 0; i < count; i++) run(pass, i);
    }) / count;
  const alone = await each(read);
  const result: Record<string, unknown> = { "the large reader": round(alone) };
  for (const [name, probe] of Object.entries(PROBES)) {
    const pipelines = await Promise.all(
      Array.from({ length: probe.pipelines ?? 1 }, (_, turn) => compile(probe, turn)),
    );
    const dispatch = (pass: GPUComputePassEncoder, i: number, pool: GPUBindGroup) => {
      pass.setPipeline(pipelines[i % pipelines.length]!);
      pass.setBindGroup(0, pool, [256 * i]);
      pass.dispatchWorkgroups(small / 16 / PIECE);
    };
    const behind = await each((pass, i) => {
      read(pass, i);
      dispatch(pass, i, pools[i % (probe.buffers ?? 1)]!);
    });
    const itself = await each((pass, i) => dispatch(pass, i, pools[i]!));
    result[name] = { "behind the large one": round(behind - alone), "behind itself": round(itself) };
    console.log(name, result[name]);
  }
  return result;
}
