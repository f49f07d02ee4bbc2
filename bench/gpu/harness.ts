/**
 * Timing on the device: a pass is bracketed by timestamps, repeated, and its median reported. Every section of the
 * benchmark gets a {@link Lab}; it owns what it makes and frees it when the section ends.
 */
import type { GpuBuffer } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";

const PASSES = 5;

/** Some 0.6 ms of products on an H100. */
const HEAT = `
@group(0) @binding(0) var<storage, read_write> data: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) local: u32) {
  var a = vec4<f32>(data[local], data[local + 1u], data[local + 2u], data[local + 3u]);
  var b = a + 1.0;
  for (var i = 0u; i < 1024u; i++) {
    a = fma(a, vec4<f32>(0.999), b);
    b = fma(b, vec4<f32>(0.998), a);
    a = fma(a, vec4<f32>(0.997), b);
    b = fma(b, vec4<f32>(0.996), a);
  }
  if (a.x + a.y + a.z + a.w + b.x + b.y + b.z + b.w == 12345.0) { data[local] = 1.0; }
}`;

/** What a shader of a section's own does with a buffer. `window`: 16 bytes of a uniform that move by dynamic offset. */
export type BufferUse = "read" | "write" | "uniform" | "window";

const LAYOUTS: Readonly<Record<BufferUse, GPUBufferBindingLayout>> = {
  read: { type: "read-only-storage" },
  write: { type: "storage" },
  uniform: { type: "uniform" },
  window: { type: "uniform", hasDynamicOffset: true },
};

/** A compute pass's worth of work. */
export type Encode = (pass: GPUComputePassEncoder) => void;

export class Lab implements Disposable {
  readonly gpu: GpuDevice;
  readonly device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolve: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #owned: GPUBuffer[] = [];
  readonly #stack = new DisposableStack();
  #heater: GPUComputePipeline | null = null;
  #heaterGroup: GPUBindGroup | null = null;

  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
    this.device = gpu.handle;
    this.#queries = this.device.createQuerySet({ type: "timestamp", count: 2 * PASSES });
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#resolve = this.device.createBuffer({ size: 256, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = this.device.createBuffer({ size: 256, usage: COPY_DST | MAP_READ });
  }

  buffer(bytes: number, usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC) {
    const buffer = this.device.createBuffer({ size: bytes, usage });
    this.#owned.push(buffer);
    return buffer;
  }

  /** A buffer as the kernels' wrappers want it. */
  gpuBuffer(label: string, bytes: number, usage?: GPUBufferUsageFlags): GpuBuffer {
    return this.#stack.use(this.gpu.createBuffer({ label, bytes, ...usage !== undefined && { usage } }));
  }

  /** Fills a buffer with repetitions of `chunk`. */
  fill(buffer: GPUBuffer, chunk: Uint8Array<ArrayBuffer>): void {
    for (let at = 0, n = 0; at < buffer.size; at += chunk.byteLength, n++) {
      const bytes = Math.min(chunk.byteLength, buffer.size - at);
      this.device.queue.writeBuffer(buffer, at, chunk, 0, bytes);
      if (n % 4 === 3) this.device.queue.submit([]);
    }
    this.device.queue.submit([]);
  }

  async pipeline(code: string, constants: Record<string, number> = {}): Promise<GPUComputePipeline> {
    const module = this.device.createShaderModule({ code });
    return await this.device.createComputePipelineAsync({ layout: "auto", compute: { module, constants } });
  }

  bind(pipeline: GPUComputePipeline, resources: readonly (GPUBuffer | GPUBufferBinding)[]): GPUBindGroup {
    const entries = resources.map((part, binding) => ({
      binding,
      resource: part instanceof GPUBuffer ? { buffer: part } : part,
    }));
    return this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  /** For several shaders over the same buffers, in the order of their bindings in group 0. */
  sharedLayout(uses: readonly BufferUse[]) {
    const { device } = this;
    const visibility = GPUShaderStage.COMPUTE;
    const group = device.createBindGroupLayout({
      entries: uses.map((use, binding) => ({ binding, visibility, buffer: LAYOUTS[use] })),
    });
    const layout = device.createPipelineLayout({ bindGroupLayouts: [group] });
    return {
      compile: (
        code: string,
        entryPoint = "main",
        constants: Readonly<Record<string, number>> = {},
      ): Promise<GPUComputePipeline> => {
        const module = device.createShaderModule({ code });
        return device.createComputePipelineAsync({ layout, compute: { module, entryPoint, constants } });
      },
      bind: (buffers: readonly GPUBuffer[]): GPUBindGroup =>
        device.createBindGroup({
          layout: group,
          entries: buffers.map((buffer, binding) => ({
            binding,
            resource: { buffer, ...uses[binding] === "window" && { size: 16 } },
          })),
        }),
    };
  }

  /**
   * Microseconds on the device, median of five passes that follow each other. The device is kept busy before them: an H100
   * that has idled while a kernel was compiled runs at a fraction of its speed afterwards.
   */
  async time(encode: Encode): Promise<number> {
    if (this.gpu.info.software) return await this.#passes(encode, 0);
    await this.heat();
    const estimate = await this.#passes(encode, 1);
    await this.heat();
    return await this.#passes(encode, Math.min(1000, Math.ceil(5000 / Math.max(1, estimate))));
  }

  /** Keeps the device busy for the next tenth of a second, while the host compiles or the next thing to time is queued. */
  async heat(): Promise<void> {
    if (this.gpu.info.software) return;
    const pipeline = this.#heater ??= await this.pipeline(HEAT);
    const group = this.#heaterGroup ??= this.bind(pipeline, [this.buffer(4096)]);
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < 150; i++) pass.dispatchWorkgroups(2112);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  async #passes(encode: Encode, warmUps: number): Promise<number> {
    const encoder = this.device.createCommandEncoder();
    if (warmUps > 0) {
      const pass = encoder.beginComputePass();
      for (let i = 0; i < warmUps; i++) encode(pass);
      pass.end();
    }
    const rounds = warmUps === 0 ? 1 : PASSES;
    for (let round = 0; round < rounds; round++) {
      const timestampWrites = {
        querySet: this.#queries,
        beginningOfPassWriteIndex: round * 2,
        endOfPassWriteIndex: round * 2 + 1,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      encode(pass);
      pass.end();
    }
    encoder.resolveQuerySet(this.#queries, 0, rounds * 2, this.#resolve, 0);
    encoder.copyBufferToBuffer(this.#resolve, 0, this.#staging, 0, rounds * 16);
    this.device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(GPUMapMode.READ, 0, rounds * 16);
    const stamps = new BigUint64Array(this.#staging.getMappedRange(0, rounds * 16).slice(0));
    this.#staging.unmap();
    const times = Array.from(
      { length: rounds },
      (_, round) => Number(stamps[round * 2 + 1]! - stamps[round * 2]!) / 1000,
    );
    return times.sort((a, b) => a - b)[rounds >> 1]!;
  }

  async read(buffer: GPUBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    const staging = this.device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const result = staging.getMappedRange().slice(0);
    staging.destroy();
    return result;
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#owned) buffer.destroy();
    this.#owned.length = 0;
    this.#stack[Symbol.dispose]();
    this.#resolve.destroy();
    this.#staging.destroy();
    this.#queries.destroy();
  }
}

/** Bytes that no compiler or memory controller can guess. */
export function randomBytes(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(count / 4));
  let state = seed >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state >>> 0;
  }
  return new Uint8Array(words.buffer, 0, count);
}

/** Random bfloat16 values of either sign, from 2^-7 to 2: what goes through a model and stays finite. */
export function randomBfloats(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = randomBytes(2 * count, seed);
  const values = new Uint16Array(bytes.buffer, 0, count);
  for (let i = 0; i < count; i++) values[i] = values[i]! & 0x83ff | 0x3c00;
  return bytes;
}

/** Random E4M3 codes without NaN. */
export function randomCodes(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = randomBytes(count, seed);
  for (let i = 0; i < count; i++) if ((bytes[i]! & 0x7f) === 0x7f) bytes[i]! &= 0xf7;
  return bytes;
}

export const round = (value: number, digits = 2) => Number(value.toFixed(digits));
