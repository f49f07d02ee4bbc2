/**
 * How fast a device reads its memory: what a kernel reaches that only reads. Decoding is bound by it, so what a model's
 * steps read a second is told as a share of it.
 */
import { CapacityError } from "../errors.ts";
import type { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";

/** More than any cache holds. A software driver takes a second for what a GPU reads in one millisecond. */
const BYTES = { gpu: 256 * 2 ** 20, software: 2 ** 20 } as const;
const WORKGROUP = 256;
const LOADS = 8;
/** Of an invocation's, in one piece. */
const PIECE_BYTES = WORKGROUP * LOADS * 16;
/** What is timed takes as long at least, for the clock and the wait for the device are off by some tenths. */
const LEAST_MS = { gpu: 20, software: 1 } as const;
/** A GPU that was idle runs at a fraction of its clock, and takes some tens of milliseconds to notice that it is not. */
const MOST_TRIES = { gpu: 10, software: 1 } as const;
/** Of a submit, more than any memory does in that time: a driver that did not wait would be given minutes of work. */
const MOST_READS = 1024;
/** After that the best so far will do: the device may be somebody else's as well. */
const MOST_MS = 1500;
/** Tries that differ by less are of a clock that has settled. */
const SETTLED = 1.02;

const units = (make: (unit: number) => string) =>
  Array.from({ length: LOADS }, (_, unit) => make(unit)).join(" ");
const CODE = `
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> sink: array<u32>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = group.x * ${WORKGROUP * LOADS}u + local;
  ${units((unit) => `let v${unit} = source[at + ${unit * WORKGROUP}u];`)}
  let v = ${Array.from({ length: LOADS }, (_, unit) => `v${unit}`).join(" | ")};
  // What nobody uses is not read: zeros are, and never found to be anything else.
  if ((v.x | v.y | v.z | v.w) != 0u) { sink[local] = v.x; }
}`;

/**
 * Bytes a second, measured for some tenths of a second in which nothing else may run on the device. Null where it has no
 * room for it just now. Throws as any use of the device does.
 */
export async function measureBandwidth(device: GpuDevice): Promise<number | null> {
  try {
    return await measure(device);
  } catch (error) {
    if (error instanceof CapacityError) return null;
    throw error;
  }
}

async function measure(device: GpuDevice): Promise<number> {
  const kind = device.info.software ? "software" : "gpu";
  const bytes = Math.min(BYTES[kind], device.maxBindableBytes);
  const workgroups = Math.floor(bytes / PIECE_BYTES);
  using owned = new DisposableStack();
  const made = await device.guard("measure the memory's bandwidth", () => {
    const buffer = (label: string, size: number): GpuBuffer =>
      owned.use(device.createBuffer({ label, bytes: size }));
    return {
      source: buffer("bandwidth", workgroups * PIECE_BYTES),
      sink: buffer("bandwidth sink", WORKGROUP * 4),
    };
  });
  const { handle } = device;
  const compute = { module: handle.createShaderModule({ label: "bandwidth", code: CODE }) };
  const pipeline = await handle.createComputePipelineAsync({ layout: "auto", compute }).catch((error) => {
    device.assertHealthy();
    // A driver gives up so where it has no memory left.
    if (!(error instanceof GPUPipelineError) || error.reason !== "internal") throw error;
    throw new CapacityError(`Cannot measure the memory's bandwidth: ${error.message}`, {}, { cause: error });
  });
  const entries = [made.source, made.sink].map(({ handle: buffer }, binding) => ({
    binding,
    resource: { buffer },
  }));
  const group = handle.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  // A wait takes longer than the work by what is the same each time (Deno sleeps 10 ms in it), so two are compared.
  const time = async (times: number) => {
    const encoder = handle.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(workgroups);
    pass.end();
    const begin = performance.now();
    await device.guard("measure the memory's bandwidth", () => handle.queue.submit([encoder.finish()]));
    await handle.queue.onSubmittedWorkDone();
    device.assertHealthy();
    return performance.now() - begin;
  };
  const deadline = performance.now() + MOST_MS;
  await time(1);
  let [best, more] = [0, 8];
  for (let tries = 0; tries < MOST_TRIES[kind] && (best === 0 || performance.now() < deadline);) {
    const ms = await time(1 + more) - await time(1);
    if (ms < LEAST_MS[kind] && more < MOST_READS) {
      more *= 2;
      continue;
    }
    tries++;
    const rate = more * workgroups * PIECE_BYTES / Math.max(ms, 1e-3) * 1000;
    if (rate < best * SETTLED) return Math.max(best, rate);
    best = rate;
  }
  return best;
}
