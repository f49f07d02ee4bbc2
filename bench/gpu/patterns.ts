/**
 * How fast a matrix can be read by dispatches that depend on each other, and does it matter who reads what: as many bytes
 * as each of Mistral 7B's matrices, read in rows by a subgroup each, as products do, or in whole pieces by a workgroup.
 * Nothing is computed, so what a form takes here is the least that a product of its shape can take.
 */
import { type Lab, randomCodes, round } from "./harness.ts";

const MB = { output: 17, qkv: 25, down: 59, gateUp: 117 } as const;

interface Form {
  readonly workgroup: number;
  /** Of 16 bytes a lane, all under way at a time. */
  readonly loads: number;
  /** `rows`: a subgroup's loads follow each other; `pieces`: a workgroup's do, load by load. */
  readonly order: "rows" | "pieces";
  /** Workgroups, each of which goes on with the next piece until there are none; 0: one piece each. */
  readonly workgroups: number;
}

const FORMS: readonly Form[] = [
  ...(["rows", "pieces"] as const).flatMap((order) => [
    { workgroup: 256, loads: 8, order, workgroups: 0 },
    { workgroup: 256, loads: 16, order, workgroups: 0 },
    { workgroup: 128, loads: 8, order, workgroups: 0 },
    { workgroup: 64, loads: 8, order, workgroups: 0 },
    { workgroup: 256, loads: 8, order, workgroups: 264 },
    { workgroup: 512, loads: 8, order, workgroups: 132 },
    { workgroup: 512, loads: 8, order, workgroups: 264 },
    { workgroup: 1024, loads: 4, order, workgroups: 264 },
  ]),
];

function shader({ workgroup, loads, order, workgroups }: Form, size: number): string {
  const place = order === "rows"
    ? (u: number) => `(local / ${size}u * ${loads}u + ${u}u) * ${size}u + local % ${size}u`
    : (u: number) => `${u * workgroup}u + local`;
  const piece = workgroup * loads;
  const each = (make: (u: number) => string) => Array.from({ length: loads }, (_, u) => make(u)).join(" ");
  // The next piece's loads are under way while this one is used up.
  return `
struct Params { first: u32, pieces: u32 }
@group(0) @binding(0) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var at = params.first + group.x * ${piece}u;
  ${each((u) => `var v${u} = pool[at + ${place(u)}];`)}
  var sum = vec4<u32>(state[local % 64u]);
  for (var piece = group.x; piece < params.pieces; piece += ${workgroups || 65_535}u) {
    let is_last = piece + ${workgroups || 65_535}u >= params.pieces;
    at += ${(workgroups || 65_535) * piece}u;
    ${each((u) => `sum ^= v${u}; if (!is_last) { v${u} = pool[at + ${place(u)}]; }`)}
  }
  if ((sum.x ^ sum.y ^ sum.z ^ sum.w) == 0x12345678u) { state[local % 64u] = sum.x; }
}`;
}

/** Microseconds of a dispatch that waits for the one before, and GB/s. */
export async function patterns(lab: Lab): Promise<Record<string, unknown>> {
  const { device, gpu: { info: { software, subgroupSize } } } = lab;
  const size = subgroupSize ?? 8;
  const count = 12;
  const scale = software ? 2 ** 12 : 2 ** 20;
  const pool = lab.buffer(count * MB.gateUp * scale);
  lab.fill(pool, randomCodes(Math.min(pool.size, 16 * 2 ** 20), 3));
  const state = lab.buffer(256);
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const uniforms = lab.buffer(256 * count, UNIFORM | COPY_DST);
  const layout = lab.sharedLayout(["read", "write", "window"]);
  const group = layout.bind([pool, state, uniforms]);
  const result: Record<string, unknown> = {};
  for (const form of software ? [FORMS[0]!, FORMS[12]!] : FORMS) {
    const { workgroup, loads, order, workgroups } = form;
    const pipeline = await layout.compile(shader(form, size));
    const table: Record<string, unknown> = {};
    for (const [matrix, megabytes] of Object.entries(MB)) {
      const units = megabytes * scale / 16;
      const pieces = Math.floor(units / (workgroup * loads));
      for (let i = 0; i < count; i++) {
        device.queue.writeBuffer(uniforms, 256 * i, Uint32Array.of(i * units, pieces, 0, 0));
      }
      const us = await lab.time((pass) => {
        pass.setPipeline(pipeline);
        for (let i = 0; i < count; i++) {
          pass.setBindGroup(0, group, [256 * i]);
          pass.dispatchWorkgroups(workgroups === 0 ? pieces : Math.min(pieces, workgroups));
        }
      }) / count;
      table[matrix] = `${round(us, 1)} µs, ${round(megabytes * scale / us / 1000, 0)} GB/s`;
    }
    const name = `${order}, workgroup ${workgroup}, ${loads} loads, ${workgroups || "all"} workgroups`;
    result[name] = table;
    console.log(name, table);
  }
  return result;
}
