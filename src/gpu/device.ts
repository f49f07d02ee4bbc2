/**
 * The adapter and the device: asks for every limit and feature the adapter has, notices when the device is lost or
 * reports an error nobody scoped, and compiles kernels once. Knows no model. Creator of a {@link GpuDevice} disposes it.
 */
import { formatBytesApart } from "../byte_size.ts";
import { CapacityError, DeviceLostError, LACKS_MEMORY } from "../errors.ts";
import { requestAdapter } from "./adapter.ts";
import { GpuBuffer, type GpuBufferOptions } from "./buffer.ts";
import {
  type AnyKernel,
  type BindingAccess,
  CompiledKernel,
  type KernelDeclaration,
  type KernelVariant,
} from "./kernel.ts";
import { readShader } from "./shader.ts";
import { haveOneSize, probeSubgroups } from "./subgroups.ts";

const ADVICE = "install a Vulkan driver (Debian and Ubuntu: apt install mesa-vulkan-drivers libvulkan1)";

/** wgpu grants features beyond the adapter's list, so each is asked for by itself and its refusal caught. */
const OPTIONAL_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;

/** Storage that workgroups of a dispatch see alike, `@coherent` in WGSL. wgpu's own; the first to be done without. */
export const COHERENT = "wgpu-memory-decoration-coherent";

/** Limits that default to the WebGPU minimum unless asked for. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxUniformBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

const BINDING_TYPES = {
  read: "read-only-storage",
  write: "storage",
  read_write: "storage",
  uniform: "uniform",
} as const satisfies Record<BindingAccess, GPUBufferBindingType>;

/** What the device is, for people and logs; structured-cloneable. */
export interface GpuDeviceInfo {
  readonly adapter: string;
  readonly vendor: string;
  readonly backend: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** A software driver such as llvmpipe: kernels are tuned differently. */
  readonly software: boolean;
  /** Invocations of a subgroup; null where kernels cannot rely on subgroups. */
  readonly subgroupSize: number | null;
}

export interface GuardOptions<T> {
  /** Of the device's memory that the work takes, for the error's details. */
  readonly bytes?: number;
  /** Undoes work that was in vain. */
  readonly release?: (result: T) => void;
}

export interface OpenDeviceOptions {
  readonly signal?: AbortSignal;
}

export class GpuDevice implements Disposable {
  readonly handle: GPUDevice;
  readonly info: GpuDeviceInfo;
  readonly #kernels = new Map<string, Promise<CompiledKernel<string, string, string>>>();
  readonly #maps = new Set<Promise<unknown>>();
  #failure: Error | null = null;
  #disposed = false;

  private constructor(handle: GPUDevice, info: GpuDeviceInfo) {
    this.handle = handle;
    this.info = info;
    handle.lost.then((reason) => {
      if (this.#disposed) return;
      this.#failure ??= new DeviceLostError(`The GPU device was lost: ${reason.message || reason.reason}`, {
        adapter: info.adapter,
        reason: reason.reason,
      });
    });
    handle.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const message = event instanceof GPUUncapturedErrorEvent ? event.error.message : "no message";
      this.#failure ??= new Error(`WebGPU error outside any scope: ${message}`);
    });
  }

  /** Throws DeviceLostError when the machine offers no adapter or the adapter gives no device. */
  static async open({ signal }: OpenDeviceOptions = {}): Promise<GpuDevice> {
    signal?.throwIfAborted();
    const adapter = await requestAdapter();
    if (adapter === null) {
      throw new DeviceLostError(`No WebGPU adapter found: ${ADVICE}`, {
        found: null,
        expected: "an adapter",
      });
    }
    const requiredLimits: Record<string, number> = {};
    for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name];
    const { handle, features } = await requestDevice(adapter, requiredLimits);
    if (signal?.aborted) {
      handle.destroy();
      signal.throwIfAborted();
    }
    const subgroupSize = haveOneSize(adapter.info) ? await probeSubgroups(handle) : null;
    return new GpuDevice(handle, { ...describe(adapter, features, requiredLimits), subgroupSize });
  }

  has(feature: typeof OPTIONAL_FEATURES[number]): boolean {
    return this.info.features.includes(feature);
  }

  get limits(): GPUSupportedLimits {
    return this.handle.limits;
  }

  /** The largest buffer that can also be bound whole, in bytes. */
  get maxBindableBytes(): number {
    return Math.min(this.limits.maxBufferSize, this.limits.maxStorageBufferBindingSize);
  }

  /** Throws what went wrong earlier: DeviceLostError, or a plain Error for a validation error nobody scoped. */
  assertHealthy(): void {
    if (this.#disposed) throw new Error("The GPU device has been disposed");
    if (this.#failure !== null) throw this.#failure;
  }

  /** Contents are zero. Throws CapacityError beyond the device's limits; see {@link guard} for running out of memory. */
  createBuffer(options: GpuBufferOptions): GpuBuffer {
    this.assertHealthy();
    if (options.bytes > this.limits.maxBufferSize) {
      const { label, bytes } = options;
      const { maxBufferSize } = this.limits;
      const [found, most] = formatBytesApart(bytes, maxBufferSize);
      throw new CapacityError(
        `Cannot create buffer "${label}": it takes ${found}, the device allows ${most}`,
        { label, found: bytes, expected: maxBufferSize },
      );
    }
    return new GpuBuffer(this.handle, options);
  }

  /**
   * Runs a synchronous piece of WebGPU work and waits for its verdict: CapacityError when the device is out of
   * memory, a plain Error when it was used wrongly.
   */
  async guard<T>(
    what: string,
    work: () => T,
    { bytes, release }: GuardOptions<T> = {},
  ): Promise<T> {
    this.assertHealthy();
    this.handle.pushErrorScope("validation");
    this.handle.pushErrorScope("out-of-memory");
    let result: { readonly value: T } | null = null;
    let verdicts: [Promise<GPUError | null>, Promise<GPUError | null>];
    try {
      result = { value: work() };
    } finally {
      // Popped before any await: a scope must not see what other code does meanwhile.
      verdicts = [this.handle.popErrorScope(), this.handle.popErrorScope()];
    }
    const [memory, validation] = await Promise.all(verdicts);
    if (memory === null && validation === null) return result.value;
    release?.(result.value);
    if (memory !== null) {
      throw new CapacityError(`Cannot ${what}: the GPU is out of memory`, {
        reason: memory.message,
        [LACKS_MEMORY]: true,
        ...bytes !== undefined && { expected: bytes },
      });
    }
    throw new Error(`Cannot ${what}: ${validation!.message}`);
  }

  /** Notes a map that nobody awaits; its operation refers to the device until it settles. Rejections end here. */
  background(map: Promise<unknown>): void {
    const settled = () => void this.#maps.delete(map);
    this.#maps.add(map);
    map.then(settled, settled);
  }

  /** Disposes and waits until no operation refers to the device, so that it can be collected. */
  async close(): Promise<void> {
    this[Symbol.dispose]();
    await Promise.allSettled([...this.#maps]);
  }

  /**
   * Compiles once per declaration and variant; later calls share the pipeline. A failure is not kept, and leaves the
   * device as it was: CapacityError where the driver gave up, a plain Error where it was asked wrongly.
   */
  compile<B extends string, P extends string, O extends string>(
    declaration: KernelDeclaration<B, P, O>,
    variant: KernelVariant<O> = {},
  ): Promise<CompiledKernel<B, P, O>> {
    this.assertHealthy();
    const key = JSON.stringify([declaration.name, variant.libs ?? {}, variant.overrides ?? {}]);
    const found = this.#kernels.get(key);
    if (found !== undefined) return found as unknown as Promise<CompiledKernel<B, P, O>>;
    const compiled = this.#compile(declaration, variant);
    this.#kernels.set(key, compiled as unknown as Promise<CompiledKernel<string, string, string>>);
    compiled.catch(() => this.#kernels.delete(key));
    return compiled;
  }

  async #compile<B extends string, P extends string, O extends string>(
    declaration: KernelDeclaration<B, P, O>,
    variant: KernelVariant<O>,
  ): Promise<CompiledKernel<B, P, O>> {
    const overrides = { ...declaration.overrides, ...variant.overrides };
    const code = readShader(declaration.name, CompiledKernel.chooseLibs(declaration, variant), overrides);
    // What is wrong with a module is told apart from its pipeline, and outside a scope it would be the device's failure.
    this.handle.pushErrorScope("validation");
    let made: { readonly layout: GPUBindGroupLayout; readonly pipeline: Promise<GPUComputePipeline> };
    let verdict: Promise<GPUError | null>;
    try {
      made = this.#createPipeline(declaration, code, overrides);
    } finally {
      verdict = this.handle.popErrorScope(); // before any await, as in guard()
    }
    const [pipeline, invalid] = await Promise.allSettled([made.pipeline, verdict]);
    const reason = invalid.status === "fulfilled" ? invalid.value?.message : undefined;
    if (pipeline.status === "fulfilled" && reason === undefined) {
      return new CompiledKernel(this.handle, declaration, overrides, pipeline.value, made.layout);
    }
    this.assertHealthy();
    const cause = pipeline.status === "rejected" ? pipeline.reason : undefined;
    const message = `Cannot compile kernel "${declaration.name}": ${reason ?? cause?.message}`;
    if (cause instanceof GPUPipelineError && cause.reason === "internal") {
      throw new CapacityError(message, { kernel: declaration.name, adapter: this.info.adapter }, { cause });
    }
    throw new Error(message, { cause });
  }

  #createPipeline(declaration: AnyKernel, code: string, overrides: Readonly<Record<string, number>>) {
    const { name, bindings, params } = declaration;
    const buffers: GPUBufferBindingLayout[] = [
      ...Object.values<BindingAccess>(bindings).map((access) => ({ type: BINDING_TYPES[access] })),
      // In the same group as the rest, for the host pays for each group of a dispatch; see bench/RESULTS.md.
      { type: "uniform", hasDynamicOffset: true, minBindingSize: 4 * Object.keys(params).length },
    ];
    const layout = this.handle.createBindGroupLayout({
      label: name,
      entries: buffers.map((buffer, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer })),
    });
    // The asynchronous form, because the other returns an object even for an invalid pipeline.
    const pipeline = this.handle.createComputePipelineAsync({
      label: name,
      layout: this.handle.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: this.handle.createShaderModule({ label: name, code }),
        entryPoint: name,
        constants: overrides,
      },
    });
    return { layout, pipeline };
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.handle.destroy();
  }
}

async function requestDevice(adapter: GPUAdapter, requiredLimits: Record<string, number>) {
  // An adapter is used up by requestDevice in the standard; wgpu lets it try again, so the full set goes first.
  const listed = OPTIONAL_FEATURES.filter((name) => adapter.features.has(name));
  const attempts: string[][] = [[...OPTIONAL_FEATURES, COHERENT], [...OPTIONAL_FEATURES], listed, []];
  let failure: unknown;
  for (const features of attempts) {
    try {
      const handle = await adapter.requestDevice({
        requiredFeatures: features as GPUFeatureName[],
        requiredLimits,
      });
      return { handle, features };
    } catch (error) {
      failure = error;
    }
  }
  const message = failure instanceof Error ? failure.message : String(failure);
  throw new DeviceLostError(`The WebGPU adapter gives no device: ${message}; ${ADVICE}`, {
    adapter: adapter.info.description,
  });
}

function describe(
  adapter: GPUAdapter,
  features: readonly string[],
  limits: Readonly<Record<string, number>>,
): Omit<GpuDeviceInfo, "subgroupSize"> {
  const name = adapter.info.description || adapter.info.device || "unknown adapter";
  return {
    adapter: name,
    vendor: adapter.info.vendor,
    backend: { darwin: "metal", windows: "dx12" }[Deno.build.os as string] ?? "vulkan",
    features,
    limits,
    software: /llvmpipe|lavapipe|swiftshader|basic render/i.test(name),
  };
}
