/**
 * The calls that a piece of work makes to WebGPU while it encodes, to be made again without it: what they take by
 * themselves is wgpu's and the driver's, and what the work takes beyond that is our own.
 */

type Call =
  | { readonly kind: "beginPass" | "endPass" | "finish" }
  | { readonly kind: "setPipeline"; readonly pipeline: GPUComputePipeline }
  | {
    readonly kind: "setBindGroup";
    readonly index: number;
    readonly group: GPUBindGroup;
    readonly offsets: Uint32Array | null;
  }
  | { readonly kind: "dispatch"; readonly grid: readonly [number, number, number] }
  | { readonly kind: "copy"; readonly args: Parameters<CopyBuffer> }
  | { readonly kind: "write"; readonly queue: GPUQueue; readonly args: Parameters<GPUQueue["writeBuffer"]> };

type CopyBuffer = (
  source: GPUBuffer,
  sourceOffset: number,
  target: GPUBuffer,
  targetOffset: number,
  bytes: number,
) => void;

/** Milliseconds of one replay. */
export interface TapeTimes {
  /** Everything before `finish()`. */
  readonly recording: number;
  readonly finishing: number;
  /** `queue.writeBuffer()` of parameters and uploads. */
  readonly writing: number;
}

export class Tape {
  readonly #calls: Call[] = [];

  /** Records what `work` calls, which encodes one command buffer. */
  static of(work: () => void): Tape {
    const tape = new Tape();
    const calls = tape.#calls;
    using undo = new DisposableStack();
    const listen = (prototype: object, method: string, note: (self: Any, args: Any[]) => Call) =>
      undo.use(replaceMethod(prototype, method, (native) =>
        function (this: Any, ...args: Any[]) {
          calls.push(note(this, args));
          return native.apply(this, args);
        }));
    const pass = GPUComputePassEncoder.prototype;
    const encoder = GPUCommandEncoder.prototype;
    listen(encoder, "beginComputePass", () => ({ kind: "beginPass" }));
    listen(pass, "end", () => ({ kind: "endPass" }));
    listen(encoder, "finish", () => ({ kind: "finish" }));
    listen(pass, "setPipeline", (_, [pipeline]) => ({ kind: "setPipeline", pipeline }));
    listen(pass, "setBindGroup", (_, [index, group, offsets, start, length]) => ({
      kind: "setBindGroup",
      index,
      group,
      offsets: offsets === undefined ? null : Uint32Array.from(offsets).slice(start, start + length),
    }));
    listen(pass, "dispatchWorkgroups", (_, [x, y = 1, z = 1]) => ({ kind: "dispatch", grid: [x, y, z] }));
    listen(encoder, "copyBufferToBuffer", (_, args) => ({
      kind: "copy",
      args: args as Parameters<CopyBuffer>,
    }));
    listen(GPUQueue.prototype, "writeBuffer", (queue, args) => ({
      kind: "write",
      queue,
      args: args as Parameters<GPUQueue["writeBuffer"]>,
    }));
    work();
    return tape;
  }

  get dispatches(): number {
    return this.#calls.filter(({ kind }) => kind === "dispatch").length;
  }

  /** Makes the calls again, and submits, which is not timed: what is dropped costs its collection. */
  replay(device: GPUDevice): TapeTimes {
    let writing = 0;
    let finishing = 0;
    let pass: GPUComputePassEncoder | null = null;
    let commands: GPUCommandBuffer | null = null;
    const begin = performance.now();
    const encoder = device.createCommandEncoder();
    for (const call of this.#calls) {
      switch (call.kind) {
        case "beginPass":
          pass = encoder.beginComputePass();
          break;
        case "endPass":
          pass!.end();
          break;
        case "setPipeline":
          pass!.setPipeline(call.pipeline);
          break;
        case "setBindGroup":
          if (call.offsets === null) pass!.setBindGroup(call.index, call.group);
          else pass!.setBindGroup(call.index, call.group, call.offsets, 0, call.offsets.length);
          break;
        case "dispatch":
          pass!.dispatchWorkgroups(call.grid[0], call.grid[1], call.grid[2]);
          break;
        case "copy":
          (encoder.copyBufferToBuffer as CopyBuffer)(...call.args);
          break;
        case "write": {
          const before = performance.now();
          call.queue.writeBuffer(...call.args);
          writing += performance.now() - before;
          break;
        }
        case "finish": {
          const before = performance.now();
          commands = encoder.finish();
          finishing += performance.now() - before;
        }
      }
    }
    const recording = performance.now() - begin - writing - finishing;
    device.queue.submit([commands!]);
    return { writing, finishing, recording };
  }
}

/** Until disposal, encoding, writing and submitting do nothing: what work takes then is its own. */
export function silence(): Disposable {
  const undo = new DisposableStack();
  const pass = GPUComputePassEncoder.prototype;
  const encoder = GPUCommandEncoder.prototype;
  const silent: [object, readonly string[]][] = [
    [pass, ["end", "setPipeline", "setBindGroup", "dispatchWorkgroups"]],
    [encoder, ["copyBufferToBuffer", "finish"]],
    [GPUQueue.prototype, ["writeBuffer", "submit"]],
  ];
  for (const [prototype, methods] of silent) {
    for (const method of methods) undo.use(replaceMethod(prototype, method, () => () => {}));
  }
  const [noEncoder, noPass] = [Object.create(encoder), Object.create(pass)];
  undo.use(replaceMethod(GPUDevice.prototype, "createCommandEncoder", () => () => noEncoder));
  undo.use(replaceMethod(encoder, "beginComputePass", () => () => noPass));
  return undo;
}

// deno-lint-ignore no-explicit-any -- methods of any arguments are replaced alike
type Any = any;

function replaceMethod(prototype: Any, method: string, make: (native: Any) => Any): Disposable {
  const native = prototype[method];
  prototype[method] = make(native);
  return { [Symbol.dispose]: () => prototype[method] = native };
}
