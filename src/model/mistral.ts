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
import { GreedySampler } from "./greedy_sampler.ts";
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
import type { Sampler } from "./sampler.ts";

/** Steps whose results have not been collected; the engine runs one or two ahead. */
const MAX_STEPS_IN_FLIGHT = 4;

/** Dispatches a sampler may append to a step. */
const MAX_SAMPLER_DISPATCHES = 16;

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
  }

  /** Takes over what is on `parts.owned` when it returns; until then the caller cleans up. */
  static async create(parts: MistralParts): Promise<MistralRunner> {
    const { device, sizes, owned } = parts;
    const { maxSequences, vocabSize } = sizes.limits;
    const forward = await Forward.create(parts);
    const { logits, plan, lastTokens, planWriter: { samplesOffset } } = forward;
    const sampler = owned.use(
      await GreedySampler.create(device, {
        logits,
        plan,
        lastTokens,
        samplesOffset,
        maxSequences,
        vocabSize,
      }),
    );
    const params = owned.use(new ParamsArena(device, forward.dispatches + MAX_SAMPLER_DISPATCHES));
    const bytes = maxSequences * sampler.wordsPerSample * 4;
    const readback = owned.use(await ReadbackRing.create(device, { depth: MAX_STEPS_IN_FLIGHT, bytes }));
    return new MistralRunner(parts, { forward, sampler, params, readback });
  }

  initSlot(slot: Slot, init: SlotInit): void {
    if (!(slot >= 0 && slot < this.limits.maxSequences)) {
      throw new RangeError(`Cannot prepare slot ${slot}: there are ${this.limits.maxSequences}`);
    }
    this.#device.assertHealthy();
    this.#sampler.initSlot(slot, init);
  }

  submit(plan: StepPlan): PendingStep {
    const slots = packPlan(plan, this.limits, this.#forward.planWriter);
    if (slots.length > 0 && this.#readback.free === 0) {
      throw new CapacityError(`Cannot submit a step: ${MAX_STEPS_IN_FLIGHT} steps wait to be collected`);
    }
    const step = new StepEncoder(this.#device, this.#params);
    this.#forward.encode(step);
    let ticket: ReadbackTicket | null = null;
    if (slots.length > 0) {
      this.#sampler.encode(step, slots.length);
      const { results, wordsPerSample } = this.#sampler;
      ticket = this.#readback.enqueue(step, results, 0, slots.length * wordsPerSample * 4);
    }
    step.submit();
    const cost = { dispatches: step.dispatches, submits: 1, readbackBytes: ticket?.bytes ?? 0 };
    return { cost, collect: () => this.#collect(ticket, slots) };
  }

  async #collect(ticket: ReadbackTicket | null, slots: readonly Slot[]): Promise<readonly SampledToken[]> {
    if (ticket === null) return [];
    const words = new Uint32Array(await this.#readback.read(ticket));
    const { wordsPerSample } = this.#sampler;
    return slots.map((slot, index) =>
      this.#sampler.parse(words.subarray(index * wordsPerSample, (index + 1) * wordsPerSample), slot)
    );
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}
