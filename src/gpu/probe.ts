/** Questions to a device that a shader of one workgroup answers: what WebGPU leaves open, and kernels rely on. */
import { CapacityError } from "../errors.ts";
import { GpuBuffer } from "./buffer.ts";

export interface Probe {
  readonly label: string;
  /** Its `main` writes to binding 0 of group 0, and reads from binding 1 if there is an `input`. */
  readonly code: string;
  readonly input?: Uint32Array<ArrayBuffer>;
  /** Of the answer. */
  readonly bytes: number;
}

/**
 * Rejects where the driver cannot compile or run it: with CapacityError where there is no room, as on a device that other
 * models fill, which stays as healthy as it was.
 */
export async function ask(device: GPUDevice, { label, code, input, bytes }: Probe): Promise<ArrayBuffer> {
  const { STORAGE, MAP_READ, COPY_DST } = GPUBufferUsage;
  using owned = new DisposableStack();
  const buffer = (name: string, size: number, usage?: GPUBufferUsageFlags) =>
    owned.use(new GpuBuffer(device, { label: name, bytes: size, ...usage !== undefined && { usage } }));
  const scopes = ["validation", "out-of-memory"] as const;
  const create = () => ({
    found: buffer(label, bytes),
    staging: buffer(`${label} read`, bytes, MAP_READ | COPY_DST),
    asked: input && buffer(`${label} input`, input.byteLength, STORAGE | COPY_DST),
  });
  for (const scope of scopes) device.pushErrorScope(scope);
  let made: ReturnType<typeof create>;
  let verdicts: Promise<GPUError | null>[];
  try {
    made = create();
  } finally {
    verdicts = scopes.map(() => device.popErrorScope()); // before any await: other work must not fall into them
  }
  const { found, staging, asked } = made;
  for (const error of await Promise.all(verdicts)) {
    if (error !== null) throw new CapacityError(`Cannot try out "${label}": ${error.message}`, { label });
  }
  const bound = asked === undefined ? [found] : [found, asked];
  if (asked !== undefined) device.queue.writeBuffer(asked.handle, 0, input!);
  const compute = { module: device.createShaderModule({ label, code }) };
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute });
  const entries = bound.map(({ handle }, binding) => ({ binding, resource: { buffer: handle } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(found.handle, 0, staging.handle, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await staging.handle.mapAsync(GPUMapMode.READ);
  return staging.handle.getMappedRange().slice(0);
}
