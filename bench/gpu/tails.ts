/**
 * Does it help when a kernel that has nothing left to do reads the beginning of the next one's weights? While its last
 * workgroups end and the next dispatch starts, memory idles for some microseconds; what was asked for by then lies in the
 * second-level cache. Dispatches of as many bytes as each of Mistral 7B's matrices read, and compute nothing.
 */
import { type Lab, randomCodes, round } from "./harness.ts";

/** A layer's matrices, in order: qkv, output, gate and up, down. */
const LAYER_MB = [25, 17, 117, 59] as const;
/** 16 bytes each, an invocation's, under way at a time. */
const LOADS = 8;

interface Form {
  readonly workgroup: number;
  readonly workgroups: number;
  /** Loads of the next matrix. */
  readonly ahead: number;
}

/** Params: the first unit of 16 bytes, the pieces, the first unit of the next matrix. */
function shader({ workgroup, workgroups, ahead }: Form): string {
  const loads = (count: number, make: (u: number) => string) =>
    Array.from({ length: count }, (_, u) => make(u)).join(" ");
  const [piece, step] = [workgroup * LOADS, workgroups * workgroup * LOADS];
  return `
struct Params { first: u32, pieces: u32, next: u32 }
@group(0) @binding(0) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let own = group.x * ${piece}u + local;
  var at = params.first + own;
  ${loads(LOADS, (u) => `var v${u} = pool[at + ${u * workgroup}u];`)}
  var sum = vec4<u32>(state[local % 64u]);
  for (var piece = group.x; piece < params.pieces; piece += ${workgroups}u) {
    let is_last = piece + ${workgroups}u >= params.pieces;
    at += ${step}u;
    ${loads(LOADS, (u) => `sum ^= v${u}; if (!is_last) { v${u} = pool[at + ${u * workgroup}u]; }`)}
  }
  ${loads(ahead, (u) => `sum ^= pool[params.next + own + ${u * workgroup}u];`)}
  if ((sum.x ^ sum.y ^ sum.z ^ sum.w) == 0x12345678u) { state[local % 64u] = sum.x; }
}`;
}

/** Microseconds of a layer's four dispatches, each of which waits for the one before, by how much is read ahead. */
export async function tails(lab: Lab): Promise<Record<string, unknown>> {
  const { device, gpu: { info: { software } } } = lab;
  const layers = software ? 2 : 6;
  const scale = software ? 2 ** 12 : 2 ** 20;
  const sizes = Array.from({ length: layers }, () => LAYER_MB).flat().map((megabytes) => megabytes * scale);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, bytes) => sum + bytes, 0));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const pool = lab.buffer(bytes);
  lab.fill(pool, randomCodes(Math.min(bytes, 16 * 2 ** 20), 3));
  const state = lab.buffer(256);
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const uniforms = lab.buffer(256 * sizes.length, UNIFORM | COPY_DST);
  const layout = lab.sharedLayout(["read", "write", "window"]);
  const group = layout.bind([pool, state, uniforms]);
  const result: Record<string, unknown> = { MB: round(bytes / layers / 1e6, 1) };
  for (const [workgroup, workgroups] of software ? [[256, 2]] : [[256, 264], [512, 132], [512, 264]]) {
    for (const ahead of software ? [0, 2] : [0, 1, 2, 4, 0]) {
      const form: Form = { workgroup: workgroup!, workgroups: workgroups!, ahead };
      const pipeline = await layout.compile(shader(form));
      for (const [i, size] of sizes.entries()) {
        const pieces = Math.floor(size / (16 * LOADS * form.workgroup));
        const [first, next] = [starts[i]! / 16, starts[(i + 1) % sizes.length]! / 16];
        device.queue.writeBuffer(uniforms, 256 * i, Uint32Array.of(first, pieces, next, 0));
      }
      const us = await lab.time((pass) => {
        pass.setPipeline(pipeline);
        for (const i of sizes.keys()) {
          pass.setBindGroup(0, group, [256 * i]);
          pass.dispatchWorkgroups(form.workgroups);
        }
      }) / layers;
      const megabytes = round(ahead * 16 * form.workgroup * form.workgroups / 1e6, 1);
      const name = `workgroup ${workgroup}, ${workgroups} workgroups, ${ahead} loads (${megabytes} MB) ahead`;
      result[name in result ? `${name}, again` : name] = round(us, 1);
    }
  }
  return result;
}
