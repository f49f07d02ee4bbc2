/**
 * Rows on their way through the device: uploaded as they lie in the checkpoint, quantized there, and left in a matrix's
 * buffers in the bits that packing on the host would have put there (see shaders/quantize_rows.wgsl). The host only reads
 * and copies. Owns a ring of buffers for what was uploaded; what is under way between host and device is bounded.
 */
import { formatBytes } from "../byte_size.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel, CompiledKernel } from "../gpu/kernel.ts";
import { ParamsArena } from "../gpu/params.ts";
import { ReadbackRing } from "../gpu/readback.ts";
import { quantizeRows } from "../kernels/quantize_rows.ts";
import { bytesPerElement, type WeightDtype } from "../tensor/dtype.ts";
import type { PackTensor, RawRows, RowTask } from "./pack.ts";
import { alignmentOf } from "./row_layout.ts";

/** One is written while the rows of another are quantized. */
const STAGING_BUFFERS = 3;
/** An upload gets no faster with more. */
const STAGING_BYTES = 16 * 2 ** 20;
/** wgpu copies what is written and keeps the copy until the device has it; so much may wait for that. */
const MOST_BYTES_IN_FLIGHT = 256 * 2 ** 20;
/** Rows of an upload: one workgroup each, and no more than a dispatch may have along a side. */
const MOST_ROWS = 65_534;

const RAW_LIB = { BF16: "raw_bf16", F16: "raw_f16", F32: "raw_f32" } as const satisfies Record<
  WeightDtype,
  string
>;

type Declaration = typeof quantizeRows;
type Binding = keyof Declaration["bindings"];
type Param = keyof Declaration["params"];
type Kernel = CompiledKernel<Binding, Param, keyof Declaration["overrides"]>;

interface Staging {
  readonly source: GpuBuffer;
  readonly places: GpuBuffer;
}

/** The buffers that a matrix's rows go to. */
export interface RowTarget {
  readonly weights: GpuBuffer;
  readonly channels: GpuBuffer;
  readonly inputs: number;
  readonly groups: number;
}

export class RowQuantizer implements Disposable {
  readonly #device: GpuDevice;
  readonly #stagingBytes: number;
  readonly #mostBytesInFlight: number;
  readonly #ring: readonly Staging[];
  readonly #params: ParamsArena;
  readonly #readback: ReadbackRing;
  readonly #kernels: Readonly<Record<WeightDtype, Kernel>>;
  readonly #owned: DisposableStack;
  #next = 0;
  #bytesInFlight = 0;

  private constructor(
    device: GpuDevice,
    { stagingBytes, mostBytesInFlight, ring, params, readback, kernels, owned }: {
      readonly stagingBytes: number;
      readonly mostBytesInFlight: number;
      readonly ring: readonly Staging[];
      readonly params: ParamsArena;
      readonly readback: ReadbackRing;
      readonly kernels: Readonly<Record<WeightDtype, Kernel>>;
      readonly owned: DisposableStack;
    },
  ) {
    this.#device = device;
    this.#stagingBytes = stagingBytes;
    this.#mostBytesInFlight = mostBytesInFlight;
    this.#ring = ring;
    this.#params = params;
    this.#readback = readback;
    this.#kernels = kernels;
    this.#owned = owned;
  }

  /** Throws CapacityError where there is no room for what is uploaded, some 48 MB. */
  static async create(
    device: GpuDevice,
    { maxBindableBytes, mostBytesInFlight = MOST_BYTES_IN_FLIGHT }: {
      readonly maxBindableBytes: number;
      readonly mostBytesInFlight?: number;
    },
  ): Promise<RowQuantizer> {
    using owned = new DisposableStack();
    const stagingBytes = Math.min(STAGING_BYTES, maxBindableBytes);
    const ring = await device.guard(
      `allocate ${STAGING_BUFFERS} uploads of ${formatBytes(stagingBytes)}`,
      () =>
        Array.from({ length: STAGING_BUFFERS }, (_, index): Staging => ({
          source: owned.use(device.createBuffer({ label: `raw rows ${index}`, bytes: stagingBytes })),
          places: owned.use(device.createBuffer({ label: `row places ${index}`, bytes: MOST_ROWS * 4 })),
        })),
      { bytes: STAGING_BUFFERS * stagingBytes },
    );
    const params = owned.use(new ParamsArena(device, 1));
    const readback = owned.use(await ReadbackRing.create(device, { depth: 1, bytes: 4 }));
    const compile = (dtype: WeightDtype) => device.compile(quantizeRows, { libs: { raw: RAW_LIB[dtype] } });
    const kernels = { BF16: await compile("BF16"), F16: await compile("F16"), F32: await compile("F32") };
    return new RowQuantizer(device, {
      stagingBytes,
      mostBytesInFlight,
      ring,
      params,
      readback,
      kernels,
      owned: owned.move(),
    });
  }

  /**
   * Pairs of rows that an upload can take. Null where it cannot take these tensors: their dtypes differ, one is quantized
   * already, or the rows that must be read together are too many.
   */
  pairsAtATime({ tensors, inputs, layout }: Pick<RowTask, "tensors" | "inputs" | "layout">): number | null {
    const [{ dtype }] = tensors as [PackTensor];
    if (dtype === "F8_E4M3" || tensors.some((tensor) => tensor.dtype !== dtype)) return null;
    const align = alignmentOf(layout);
    const pairBytes = 2 * inputs * bytesPerElement(dtype);
    // What is read of each tensor begins at a whole word.
    const room = this.#stagingBytes - 4 * tensors.length;
    const runs = Math.floor(Math.min(room / pairBytes, MOST_ROWS / 2) / align);
    return runs > 0 ? runs * align : null;
  }

  /** Where the rows of `dtype` that go to these buffers are handed over, from row `firstRow` of the buffers on. */
  into(target: RowTarget, dtype: WeightDtype): (rows: RawRows, firstRow: number) => void {
    const { weights: codes, channels, inputs, groups } = target;
    const kernel = this.#kernels[dtype];
    const bound: (BoundKernel<Param> | undefined)[] = [];
    return ({ bytes, usedBytes, places, readBytes }, firstRow) => {
      const { queue } = this.#device.handle;
      const index = this.#next;
      this.#next = (index + 1) % STAGING_BUFFERS;
      const staging = this.#ring[index]!;
      queue.writeBuffer(staging.source.handle, 0, bytes, 0, usedBytes);
      queue.writeBuffer(staging.places.handle, 0, places);
      const step = new StepEncoder(this.#device, this.#params);
      step.dispatch(
        bound[index] ??= kernel.bind({ ...staging, codes, channels }),
        { firstRow, rows: places.length, inputs, groups },
      );
      step.submit();
      this.#bytesInFlight += readBytes;
    };
  }

  /** Resolves when more may be uploaded; then and now that is when the device has done all it was given. */
  async room(): Promise<void> {
    if (this.#bytesInFlight >= this.#mostBytesInFlight) await this.settle();
  }

  /** Resolves when everything is quantized. */
  async settle(): Promise<void> {
    if (this.#bytesInFlight === 0) return;
    this.#bytesInFlight = 0;
    const step = new StepEncoder(this.#device, this.#params);
    const ticket = this.#readback.enqueue(step, this.#ring[0]!.places, 0, 4);
    step.submit();
    await this.#readback.read(ticket);
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}
