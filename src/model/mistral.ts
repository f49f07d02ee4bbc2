/**
 * A Mistral-class model resident on a device: plans in, sampled tokens out. One submit per step; nothing in `submit`
 * waits for the device, for the token that a step samples reaches the next step through a buffer. Owns every buffer
 * of the model; makes no decision about who runs when.
 */
import { CapacityError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { StepEncoder } from "../gpu/encoder.ts";
import { ParamsArena } from "../gpu/params.ts";
import { ReadbackRing, type ReadbackTicket } from "../gpu/readback.ts";
import { Forward, type ForwardParts } from "./forward.ts";
import { packPlan } from "./plan.ts";
import type {
  ModelRunner,
  PendingStep,
  RunnerLimits,
  SampledToken,
  Slot,
  SlotInit,
  StepPlan,
} from "./runner.ts";
import { type SampleBatch, Sampler } from "./sampler.ts";

/** Steps whose results have not been collected; the engine runs one or two ahead. */
const MAX_STEPS_IN_FLIGHT = 4;

/** Read back, and ignored, to learn that a step without samples is done. */
const FENCE_BYTES = 4;

/** Dispatches that sampling appends to a step. */
const SAMPLER_DISPATCHES = 1;

export interface MistralParts extends ForwardParts {
  readonly weightBytes: number;
}

export class MistralRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly memory: { readonly weightBytes: number; readonly kvCacheBytes: number };
  readonly #device: GpuDevice;
  readonly #forward: Forward;
  readonly #sampler: Sampler;
  readonly #params: ParamsArena;
  readonly #readback: ReadbackRing;
  readonly #owned: DisposableStack;
  /** Tokens sampled for each slot's current sequence. */
  readonly #sampledTokens: Uint32Array;

  private constructor(
    parts: MistralParts,
    resources: { forward: Forward; sampler: Sampler; params: ParamsArena; readback: ReadbackRing },
  ) {
    const { sizes } = parts;
    this.limits = sizes.limits;
    this.memory = {
      weightBytes: parts.weightBytes,
      kvCacheBytes: sizes.cacheLayerBytes * parts.config.layers,
    };
    this.#device = parts.device;
    this.#forward = resources.forward;
    this.#sampler = resources.sampler;
    this.#params = resources.params;
    this.#readback = resources.readback;
    this.#owned = parts.owned.move();
    this.#sampledTokens = new Uint32Array(sizes.limits.maxSequences);
  }

  /** Takes over what is on `parts.owned` when it returns; until then the caller cleans up. */
  static async create(parts: MistralParts): Promise<MistralRunner> {
    const { device, sizes, owned } = parts;
    const { maxSequences, vocabSize } = sizes.limits;
    const forward = await Forward.create(parts);
    const { logits, lastTokens: tokens } = forward;
    const sampler = owned.use(await Sampler.create(device, { logits, tokens, maxSequences, vocabSize }));
    const dispatches = forward.dispatches + SAMPLER_DISPATCHES;
    const makeParams = () => owned.use(new ParamsArena(device, dispatches));
    const params = await device.guard(`allocate parameters of ${dispatches} dispatches`, makeParams);
    const readback = owned.use(
      await ReadbackRing.create(device, { depth: MAX_STEPS_IN_FLIGHT, bytes: sampler.maxResultBytes }),
    );
    return new MistralRunner(parts, { forward, sampler, params, readback });
  }

  initSlot(slot: Slot, init: SlotInit): void {
    if (!(slot >= 0 && slot < this.limits.maxSequences)) {
      throw new RangeError(`Cannot prepare slot ${slot}: there are ${this.limits.maxSequences}`);
    }
    this.#device.assertHealthy();
    this.#sampler.initSlot(slot, init);
    this.#sampledTokens[slot] = 0;
  }

  submit(plan: StepPlan): PendingStep {
    const slots = packPlan(plan, this.limits, this.#forward.planWriter);
    if (this.#readback.free === 0) {
      throw new CapacityError(`Cannot submit a step: ${MAX_STEPS_IN_FLIGHT} steps wait to be collected`);
    }
    const step = new StepEncoder(this.#device, this.#params);
    this.#forward.encode(step);
    const rows = slots.map((slot) => ({ slot, index: this.#sampledTokens[slot]!++ }));
    const batch = rows.length === 0 ? null : this.#sampler.encode(step, rows);
    // A step that samples nothing is read all the same: that is what bounds the device's queue, and a cancellation's wait.
    const readbackBytes = batch?.bytes ?? FENCE_BYTES;
    const ticket = this.#readback.enqueue(step, this.#sampler.results, 0, readbackBytes);
    step.submit();
    const cost = { dispatches: step.dispatches, submits: 1, readbackBytes };
    return { cost, collect: () => this.#collect(ticket, batch) };
  }

  async #collect(ticket: ReadbackTicket, batch: SampleBatch | null): Promise<readonly SampledToken[]> {
    const bytes = await this.#readback.read(ticket);
    return batch === null ? [] : this.#sampler.decode(batch, bytes);
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}
