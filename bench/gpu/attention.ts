/**
 * Attention of a layer at Mistral 7B's shape, in parts: decode rows of sequences of their own, joined by the workgroup
 * that is last or by a second dispatch, and chunks of a prompt. Before a way to join is timed, its bits are held against
 * the other's, in a series whose dispatches have different queries and one buffer of parts.
 */
import type { BufferSlice, GpuBuffer } from "../../src/gpu/buffer.ts";
import type { BoundKernel } from "../../src/gpu/kernel.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import {
  attentionCombine,
  attentionFlash,
  type KeyShares,
  shareParams,
  splitsAt,
  WHOLE,
} from "../../src/kernels/attention_flash.ts";
import { NO_WINDOW } from "../../src/kernels/attention.ts";
import { type Encode, type Lab, randomBytes, round } from "./harness.ts";

const ROWS = 512;
const BLOCK_SIZE = 16;
const CONTEXT = 4096;
/** Blocks of a sequence. */
const BLOCKS = CONTEXT / BLOCK_SIZE;
/** Bytes of a row of queries, f16. */
const ROW_BYTES = 4096 * 2;
/** Dispatches whose results are compared. */
const COMPARED = 48;

export interface AttentionWay {
  /** Of sequences of their own, or of one prompt. */
  readonly rows: number;
  /** Position of every decode row, or of a prompt's first row. */
  readonly context: number;
  /** Null: the rows are a prompt's. */
  readonly decode: { readonly shares: KeyShares; readonly joins: boolean } | null;
  readonly KEYS: number;
}

// deno-lint-ignore no-explicit-any -- kernels of different params go through one function
type Dispatched = { readonly bound: BoundKernel<any>; readonly params: Readonly<Record<string, number>> };

export class AttentionBench implements Disposable {
  readonly #lab: Lab;
  readonly #arena: ParamsArena;
  readonly #sequences: number;
  readonly #queries: GpuBuffer;
  readonly #plan: GpuBuffer;
  readonly #cache: GpuBuffer;
  readonly #attended: GpuBuffer;
  readonly #parts: GpuBuffer;
  readonly #terms: GpuBuffer;
  readonly #tickets: GpuBuffer;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#sequences = lab.gpu.info.software ? 1 : 8;
    this.#arena = new ParamsArena(lab.gpu, 2);
    // Random bits of f16 with the exponent of numbers from 1 to 2 are no NaN.
    const noise = (bytes: number) => {
      const words = new Uint16Array(randomBytes(bytes).buffer);
      return new Uint8Array(words.map((word) => word & 0x83ff | 0x3c00).buffer);
    };
    this.#queries = lab.gpuBuffer("queries", ROWS * ROW_BYTES);
    lab.fill(this.#queries.handle, noise(ROWS * ROW_BYTES));
    this.#cache = lab.gpuBuffer("cache", this.#sequences * CONTEXT * 2 * 8 * 128 * 2);
    lab.fill(this.#cache.handle, noise(2 ** 20));
    this.#plan = lab.gpuBuffer("plan", (ROWS * 4 + this.#sequences * BLOCKS) * 4);
    this.#attended = lab.gpuBuffer("attended", ROWS * ROW_BYTES);
    this.#parts = lab.gpuBuffer("parts", 8 * 64 * 4096 * 4);
    this.#terms = lab.gpuBuffer("part terms", 8 * 64 * 32 * 4);
    this.#tickets = lab.gpuBuffer("tickets", 8 * 32 * 4);
  }

  /** Microseconds a layer. */
  async time(way: AttentionWay): Promise<number> {
    this.#writePlan(way);
    if (way.decode !== null && way.decode.joins) await this.#compare(way);
    const dispatches = await this.#dispatches(way, 0);
    const repeats = way.rows > 16 ? 2 : 16;
    const us = await this.#lab.time(this.#encoder(Array(repeats).fill(dispatches).flat()));
    return round(us / repeats, 1);
  }

  #writePlan({ rows, context, decode }: AttentionWay): void {
    const plan = new Uint32Array(this.#plan.bytes / 4);
    for (let row = 0; row < rows; row++) {
      const sequence = decode === null ? 0 : row % this.#sequences;
      const position = decode === null ? context + row : context;
      plan.set([0, 0, position, ROWS * 4 + sequence * BLOCKS], row * 4);
    }
    for (let block = 0; block < this.#sequences * BLOCKS; block++) plan[ROWS * 4 + block] = block;
    this.#lab.device.queue.writeBuffer(this.#plan.handle, 0, plan);
  }

  /** Queries and results begin at row `first` of their buffers. */
  async #dispatches({ rows, context, decode, KEYS }: AttentionWay, first: number): Promise<Dispatched[]> {
    const { gpu } = this.#lab;
    const size = gpu.info.subgroupSize!;
    const joins = decode !== null && decode.joins;
    const slice = (buffer: GpuBuffer): BufferSlice => {
      return { buffer, offset: first * ROW_BYTES, bytes: rows * ROW_BYTES };
    };
    const overrides = {
      WORKGROUP: 8 * size,
      SUBGROUP: size,
      HEADS: 4,
      CHUNKS: 4,
      KEYS,
      JOINS: joins ? 1 : 0,
    };
    const flash = await gpu.compile(attentionFlash, { libs: { act: "act_f16" }, overrides });
    const combine = await gpu.compile(attentionCombine, { libs: { act: "act_f16" } });
    const shared = {
      plan: this.#plan,
      attended: slice(this.#attended),
      parts: this.#parts,
      part_terms: this.#terms,
    };
    const shares = decode?.shares ?? WHOLE;
    const params = {
      ...{ rows, firstRow: 0, queryHeads: 32, kvHeads: 8, columns: 32, queryStride: 4096 },
      ...{ blockSize: BLOCK_SIZE, window: NO_WINDOW, scale: 128 ** -0.5 },
      splits: splitsAt(context, shares, null),
      ...shareParams(shares),
    };
    const flashed = flash.bind({
      ...shared,
      queries: slice(this.#queries),
      cache: this.#cache,
      tickets: this.#tickets,
    });
    const series: Dispatched[] = [{ bound: flashed, params }];
    if (params.splits > 1 && !joins) series.push({ bound: combine.bind(shared), params });
    return series;
  }

  #encoder(dispatches: readonly Dispatched[]): Encode {
    this.#arena.reset();
    const offsets = new Map<string, Uint32Array>();
    const encoded = dispatches.map(({ bound, params }) => {
      const { name } = bound;
      if (!offsets.has(name)) offsets.set(name, Uint32Array.of(this.#arena.push(bound, params)));
      return { bound, offset: offsets.get(name)!, grid: bound.grid(params) };
    });
    this.#arena.flush();
    return (pass) => {
      for (const { bound, offset, grid: [x, y = 1, z = 1] } of encoded) {
        pass.setPipeline(bound.pipeline);
        pass.setBindGroup(0, bound.bindGroup(this.#arena.window), offset, 0, 1);
        pass.dispatchWorkgroups(x, y, z);
      }
    };
  }

  /** Throws where the last workgroup joins other bits than attention_combine does, or leaves a ticket. */
  async #compare(way: AttentionWay): Promise<void> {
    const count = Math.min(COMPARED, Math.floor(ROWS / way.rows));
    const run = async (joins: boolean) => {
      const decode = { ...way.decode!, joins };
      const dispatches: Dispatched[] = [];
      for (let i = 0; i < count; i++) {
        dispatches.push(...await this.#dispatches({ ...way, decode }, i * way.rows));
      }
      const { device } = this.#lab;
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(this.#attended.handle);
      const pass = encoder.beginComputePass();
      this.#encoder(dispatches)(pass);
      pass.end();
      device.queue.submit([encoder.finish()]);
      return new Uint16Array(await this.#lab.read(this.#attended.handle, count * way.rows * ROW_BYTES));
    };
    const [expected, found] = [await run(false), await run(true)];
    const wrong = found.findIndex((bits, index) => bits !== expected[index]);
    if (wrong >= 0) throw new Error(`element ${wrong} is ${found[wrong]}, expected ${expected[wrong]}`);
    if (found.every((bits) => bits === 0)) throw new Error("nothing was attended to");
    const tickets = new Uint32Array(await this.#lab.read(this.#tickets.handle, this.#tickets.bytes));
    if (tickets.some((ticket) => ticket !== 0)) throw new Error(`tickets are left: ${tickets.join()}`);
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
  }
}
