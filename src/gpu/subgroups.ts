/**
 * How large a device's subgroups are, and whether they lie as kernels want them: invocation i of a workgroup in lane
 * i mod size, the next `size` invocations in the next subgroup. WebGPU promises neither, so it is tried out at start.
 */
import { ask } from "./probe.ts";

const WORKGROUP = 64;

/** Writes each invocation's subgroup size and what it hears from its neighbour. */
const SHADER = `
@group(0) @binding(0) var<storage, read_write> found: array<vec2<u32>>;
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(local_invocation_index) local: u32, @builtin(subgroup_size) size: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let neighbour = subgroupShuffleXor(local, size / 2u);
  found[local] = vec2<u32>(size, select(0u, neighbour + 1u, lane == local % size));
}`;

/** What {@link haveOneSize} looks at; GPUAdapterInfo has it. */
export interface SubgroupSizes {
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/**
 * Whether all pipelines get subgroups of one size. Where a range is given (Intel 8 … 32, AMD 32 … 64) wgpu lets the
 * driver choose for each pipeline, by its registers: what one was tried with says nothing of the next, and a kernel
 * would add up the wrong lanes. Of Metal wgpu gives a range that is no device's; Apple's own GPUs have 32.
 */
export function haveOneSize(
  { subgroupMinSize, subgroupMaxSize }: SubgroupSizes,
  { os, arch }: { readonly os: string; readonly arch: string } = Deno.build,
): boolean {
  return os === "darwin" ? arch === "aarch64" : subgroupMinSize === subgroupMaxSize;
}

/** The size; null where subgroups are missing, uneven or laid out otherwise. */
export async function probeSubgroups(device: GPUDevice): Promise<number | null> {
  if (!device.features.has("subgroups" as GPUFeatureName)) return null;
  try {
    const words = new Uint32Array(
      await ask(device, { label: "subgroups", code: SHADER, bytes: WORKGROUP * 8 }),
    );
    const size = words[0]!;
    const asWanted = Array.from({ length: WORKGROUP }, (_, local) => local).every((local) =>
      words[local * 2] === size && words[local * 2 + 1] === (local ^ (size / 2)) + 1
    );
    return asWanted && size >= 8 && size <= WORKGROUP ? size : null;
  } catch {
    return null; // A driver that cannot even compile this has no subgroups to speak of.
  }
}
