/**
 * What a kernel is: one WGSL file, its bindings in order, its parameters, its tunables and its grid, declared once in
 * TypeScript. tests/kernels/registry_test.ts holds every declaration against its WGSL. Encodes nothing itself; see
 * encoder.ts.
 */
import { type BufferSlice, GpuBuffer } from "./buffer.ts";

/**
 * `write`: the kernel overwrites and never reads it (WGSL knows only read_write for that). `uniform`: read by all alike,
 * through the constant cache.
 */
export type BindingAccess = "read" | "write" | "read_write" | "uniform";
export type ParamType = "u32" | "i32" | "f32";
export type Grid = readonly [x: number, y?: number, z?: number];

export interface KernelDeclaration<B extends string, P extends string, O extends string> {
  /** Of the file shaders/<name>.wgsl and of its entry point. */
  readonly name: string;
  /** Group 0, bindings 0, 1, … in this order. */
  readonly bindings: Readonly<Record<B, BindingAccess>>;
  /** Fields of the uniform `params: Params`, the binding after those, all 4 bytes wide, in this order. */
  readonly params: Readonly<Record<P, ParamType>>;
  /** `override` constants with the value used unless a variant says otherwise. */
  readonly overrides: Readonly<Record<O, number>>;
  /** Library slots and, per slot, the files of shaders/lib that can fill it; the first is the default. */
  readonly libs?: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** Workgroups to dispatch. */
  readonly grid: (
    params: NoInfer<Readonly<Record<P, number>>>,
    overrides: NoInfer<Readonly<Record<O, number>>>,
  ) => Grid;
}

/** Which library fills each slot, and which tunables differ from their defaults. */
export interface KernelVariant<O extends string = string> {
  readonly libs?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Partial<Record<O, number>>>;
}

/** Keeps the literal names of bindings, params and overrides in the type. */
export function defineKernel<B extends string, P extends string, O extends string>(
  declaration: KernelDeclaration<B, P, O>,
): KernelDeclaration<B, P, O> {
  return declaration;
}

/** Any declaration, for code that walks them all. */
// deno-lint-ignore no-explicit-any -- a grid function takes its own params, so only `any` fits every kernel
export type AnyKernel = KernelDeclaration<any, any, any>;

/** A kernel with its buffers: dispatched with params only. Holds no ownership of the buffers. */
export interface BoundKernel<P extends string> {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly paramTypes: readonly (readonly [P, ParamType])[];
  readonly grid: (params: Readonly<Record<P, number>>) => Grid;
  /**
   * The buffers and a window of params, which moves by dynamic offset. Made when that window is first seen and kept until
   * it is given another; a runner has one, so that its later dispatches allocate nothing on the device.
   */
  readonly bindGroup: (params: GPUBufferBinding) => GPUBindGroup;
}

export class CompiledKernel<B extends string, P extends string, O extends string> {
  readonly declaration: KernelDeclaration<B, P, O>;
  readonly overrides: Readonly<Record<O, number>>;
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #layout: GPUBindGroupLayout;

  constructor(
    device: GPUDevice,
    declaration: KernelDeclaration<B, P, O>,
    overrides: Readonly<Record<O, number>>,
    pipeline: GPUComputePipeline,
    layout: GPUBindGroupLayout,
  ) {
    this.#device = device;
    this.declaration = declaration;
    this.overrides = overrides;
    this.#pipeline = pipeline;
    this.#layout = layout;
  }

  /** The library files of a variant, in slot order; throws on a slot or file the kernel does not have. */
  static chooseLibs(declaration: AnyKernel, { libs = {} }: KernelVariant): string[] {
    const slots = declaration.libs ?? {};
    for (const slot of Object.keys(libs)) {
      if (slots[slot] === undefined) {
        throw new Error(`Kernel "${declaration.name}" has no library slot "${slot}"`);
      }
    }
    return Object.entries(slots).map(([slot, choices]) => {
      const choice = libs[slot] ?? choices[0];
      if (!choices.includes(choice)) {
        throw new Error(`Kernel "${declaration.name}" cannot use "${choice}" as its ${slot}`);
      }
      return choice;
    });
  }

  bind(buffers: Readonly<Record<B, GpuBuffer | BufferSlice>>): BoundKernel<P> {
    const { name, bindings, params, grid } = this.declaration;
    const resources = (Object.keys(bindings) as B[]).map((key): GPUBufferBinding => {
      const part = buffers[key];
      return part instanceof GpuBuffer
        ? { buffer: part.handle }
        : { buffer: part.buffer.handle, offset: part.offset, size: part.bytes };
    });
    let made: { readonly window: GPUBufferBinding; readonly group: GPUBindGroup } | null = null;
    return {
      name,
      pipeline: this.#pipeline,
      paramTypes: Object.entries<ParamType>(params) as [P, ParamType][],
      grid: (values) => grid(values, this.overrides),
      bindGroup: (window) => {
        if (made?.window !== window) made = { window, group: this.#createGroup([...resources, window]) };
        return made.group;
      },
    };
  }

  #createGroup(resources: readonly GPUBufferBinding[]): GPUBindGroup {
    return this.#device.createBindGroup({
      label: this.declaration.name,
      layout: this.#layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
  }
}
