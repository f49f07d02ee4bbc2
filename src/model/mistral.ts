/**
 * A Mistral-class model resident on a device: plans in, sampled tokens out. One submit for one or several steps, but where
 * the device idles, and nothing up to it waits for the device, for the token that a step samples reaches the next step
 * through a buffer. Owns every buffer of the model; makes no decision about who runs when.
 */
import { CapacityError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { StepEncoder } from "../gpu/encoder.ts";
import { ParamsArena } from "../gpu/params.ts";
import { ReadbackRing, type ReadbackTicket } from "../gpu/readback.ts";
import { acceptedSamples, type SampleWindow } from "./drafts.ts";
import { Forward, type ForwardParts } from "./forward.ts";
import { checkPlan, packPlan, STOPPED } from "./plan.ts";
import type {
  Accumulation,
  KvCacheFormat,
  ModelRunner,
  PendingStep,
  PreparedStep,
  PrepareOptions,
  RunnerLimits,
  SampledToken,
  Slot,
  SlotInit,
  StepCost,
  StepPlan,
} from "./runner.ts";
import { SAMPLE_ROW_WORDS, type SampleBatch, Sampler, SAMPLER_DISPATCHES } from "./sampler.ts";
import { stepReads } from "./step_reads.ts";
import { StepUploads } from "./step_uploads.ts";

/** Submits whose results have not been collected; the engine has one, and another prepared. */
export const MAX_SUBMITS_IN_FLIGHT = 4;

/** More would let a cancellation or a new request wait too long for what the host gains. */
export const MAX_STEPS_PER_SUBMIT = 8;

/**
 * What is left between two submits (a fence, a submit) costs some 0.15 ms, which four steps share on a GPU that decodes
 * in 2 ms. A software driver takes so much longer for a step that waiting for four of them is all that would be seen.
 */
const PREFERRED_STEPS = { gpu: 4, software: 1 } as const;

/**
 * Dispatches of the first step after which a device that idles is handed what is encoded, then after four times as many, and
 * so on: a server's GPU takes longer for what it has than the host for the next piece.
 */
const FIRST_PIECE = 16;
const PIECE_GROWTH = 4;

/** Read back, and ignored, to learn that steps without samples are done. */
const FENCE_BYTES = 4;

/** What a step samples, for {@link MistralRunner}'s collect. */
interface EncodedSamples {
  readonly windows: readonly SampleWindow[];
  readonly batch: SampleBatch;
}

export interface MistralParts extends ForwardParts {
  readonly memory: ModelRunner["memory"];
  /** False unless given. */
  readonly isTuned?: boolean;
}

export class MistralRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly memory: ModelRunner["memory"];
  readonly kvCacheFormat: KvCacheFormat;
  readonly accumulation: Accumulation;
  readonly isTuned: boolean;
  readonly stepsPerSubmit: { readonly max: number; readonly preferred: number };
  readonly #device: GpuDevice;
  readonly #forward: Forward;
  readonly #sampler: Sampler;
  readonly #params: ParamsArena;
  readonly #uploads: StepUploads;
  readonly #readback: ReadbackRing;
  readonly #readBytes: (plan: StepPlan) => number;
  readonly #owned: DisposableStack;
  /** Tokens sampled for each slot's current sequence. */
  readonly #sampledTokens: Uint32Array;
  /** Slots with drafts in flight: which token is their last, only the collected samples say. */
  readonly #undecided = new Set<Slot>();
  /** Steps wait to be submitted; arena and uploads are theirs until then. */
  #prepared = false;

  private constructor(
    parts: MistralParts,
    resources: {
      readonly forward: Forward;
      readonly sampler: Sampler;
      readonly params: ParamsArena;
      readonly uploads: StepUploads;
      readonly readback: ReadbackRing;
    },
  ) {
    const { sizes } = parts;
    this.limits = sizes.limits;
    this.memory = parts.memory;
    this.kvCacheFormat = sizes.kvCacheFormat;
    this.accumulation = sizes.halves ? "f16" : "f32";
    this.isTuned = parts.isTuned ?? false;
    const { software } = parts.device.info;
    this.stepsPerSubmit = {
      max: MAX_STEPS_PER_SUBMIT,
      preferred: software ? PREFERRED_STEPS.software : PREFERRED_STEPS.gpu,
    };
    this.#device = parts.device;
    this.#forward = resources.forward;
    this.#sampler = resources.sampler;
    this.#params = resources.params;
    this.#uploads = resources.uploads;
    this.#readback = resources.readback;
    this.#readBytes = stepReads(parts);
    this.#owned = parts.owned.move();
    this.#sampledTokens = new Uint32Array(sizes.limits.maxSequences);
  }

  /** Takes over what is on `parts.owned` when it returns; until then the caller cleans up. */
  static async create(parts: MistralParts): Promise<MistralRunner> {
    const { device, sizes, owned } = parts;
    const { maxSequences, maxSamples, vocabSize } = sizes.limits;
    const forward = await Forward.create(parts);
    const { logits, lastTokens: tokens } = forward;
    const samplerSizes = { maxSequences, maxSamples, vocabSize };
    const sampler = owned.use(await Sampler.create(device, { logits, tokens, ...samplerSizes }));
    const steps = MAX_STEPS_PER_SUBMIT;
    const dispatches = steps * (forward.dispatches + SAMPLER_DISPATCHES);
    const words = steps * (forward.planWriter.capacity + maxSamples * SAMPLE_ROW_WORDS);
    const { params, uploads } = await device.guard(
      `allocate parameters of ${dispatches} dispatches and ${words} words of plans`,
      () => ({
        params: owned.use(new ParamsArena(device, dispatches)),
        uploads: owned.use(new StepUploads(device, words)),
      }),
    );
    const bytes = steps * sampler.maxResultBytes;
    const readback = owned.use(await ReadbackRing.create(device, { depth: MAX_SUBMITS_IN_FLIGHT, bytes }));
    return new MistralRunner(parts, { forward, sampler, params, uploads, readback });
  }

  initSlot(slot: Slot, init: SlotInit): void {
    if (!(slot >= 0 && slot < this.limits.maxSequences)) {
      throw new RangeError(`Cannot prepare slot ${slot}: there are ${this.limits.maxSequences}`);
    }
    this.#device.assertHealthy();
    this.#sampler.initSlot(slot, init);
    this.#sampledTokens[slot] = init.outputTokenIds.length;
    this.#undecided.delete(slot);
  }

  setMask(slot: Slot, words: Uint32Array<ArrayBuffer> | null): void {
    this.#device.assertHealthy();
    this.#sampler.setMask(slot, words);
  }

  prepare(plans: readonly StepPlan[], { isDeviceIdle = false }: PrepareOptions = {}): PreparedStep {
    this.#checkRoom(plans.length);
    for (const plan of plans) checkPlan(plan, this.limits);
    this.#checkDrafts(plans);
    // Whatever fails from here on, the next plans must find everything as it was.
    using undo = new DisposableStack();
    const sampledBefore = this.#sampledTokens.slice();
    const undecidedBefore = [...this.#undecided];
    undo.defer(() => {
      this.#sampledTokens.set(sampledBefore);
      this.#undecided.clear();
      for (const slot of undecidedBefore) this.#undecided.add(slot);
    });
    this.#uploads.reset();
    const step = new StepEncoder(this.#device, this.#params);
    let ticket: ReadbackTicket | null = null;
    undo.defer(() => ticket !== null && this.#readback.release(ticket));
    const read = (bytes: number) => {
      const copy = { source: this.#sampler.results, offset: 0, bytes };
      if (ticket === null) ticket = this.#readback.enqueue(step, copy.source, copy.offset, bytes);
      else ticket = this.#readback.append(ticket, step, copy);
    };
    const costs: StepCost[] = [];
    const steps = plans.map((plan, index) => {
      const [before, piecesBefore] = [step.dispatches, step.pieces];
      // Later steps go on from tokens that the first has sampled, which could not be undone.
      const encoded = this.#encode(step, plan, isDeviceIdle && index === 0);
      const readbackBytes = encoded?.batch.bytes ?? 0;
      if (encoded !== null) read(readbackBytes);
      const dispatches = step.dispatches - before;
      const submits = step.pieces - piecesBefore + 1 / plans.length;
      costs.push({ dispatches, submits, readbackBytes, readBytes: this.#readBytes(plan) });
      return encoded;
    });
    // Steps that sample nothing are read all the same: that is what bounds the device's queue, and a cancellation's wait.
    if (ticket === null) {
      read(FENCE_BYTES);
      costs[0] = { ...costs[0]!, readbackBytes: FENCE_BYTES };
    }
    this.#uploads.flush();
    step.finish();
    undo.move();
    this.#prepared = true;
    return { costs, submit: () => this.#submit(step, ticket!, steps) };
  }

  #checkDrafts(plans: readonly StepPlan[]): void {
    const rows = plans.flatMap(({ prompts, decodes }) => [...prompts, ...decodes]);
    for (const { slot } of rows) {
      if (!this.#undecided.has(slot)) continue;
      throw new RangeError(`Cannot run slot ${slot}: its drafts have not been collected`);
    }
    if (plans.length > 1 && plans.some(({ decodes }) => decodes.some(({ drafts }) => drafts?.length))) {
      throw new RangeError("Cannot prepare drafts with other steps: these need to know what comes of them");
    }
  }

  #checkRoom(steps: number): void {
    if (this.#prepared) throw new Error("Cannot prepare a step: the one before waits to be submitted");
    if (steps < 1 || steps > MAX_STEPS_PER_SUBMIT) {
      throw new RangeError(`Cannot prepare ${steps} steps at once: from 1 to ${MAX_STEPS_PER_SUBMIT} can be`);
    }
    if (this.#readback.free > 0) return;
    throw new CapacityError(`Cannot prepare a step: ${MAX_SUBMITS_IN_FLIGHT} wait to be collected`);
  }

  /**
   * Appends one step, of which `inPieces` hands much over; what it samples lies in the sampler's results until the next
   * one.
   */
  #encode(step: StepEncoder, plan: StepPlan, inPieces: boolean): EncodedSamples | null {
    const windows = packPlan(plan, this.limits, this.#forward.planWriter);
    const firstDecode = windows.length - plan.decodes.length;
    const rows = windows.flatMap(({ slot, drafts }, window) => {
      const continues = window >= firstDecode;
      if (drafts.length === 0) return [{ slot, index: this.#sampledTokens[slot]!++, continues }];
      this.#undecided.add(slot);
      return Array.from(
        { length: drafts.length + 1 },
        (_, n) => ({ slot, index: this.#sampledTokens[slot]!++, continues, drafts: drafts.subarray(0, n) }),
      );
    });
    const batch = rows.length === 0
      ? null
      : this.#sampler.send(rows, (words, target) => this.#uploads.send(step, words, target));
    let next = inPieces ? FIRST_PIECE : Infinity;
    this.#forward.encode(step, this.#uploads, () => {
      if (step.dispatches < next) return;
      next *= PIECE_GROWTH;
      this.#uploads.flush();
      step.handOver();
    });
    if (batch === null) return null;
    this.#sampler.sample(step, batch);
    return { windows, batch };
  }

  #submit(
    step: StepEncoder,
    ticket: ReadbackTicket,
    steps: readonly (EncodedSamples | null)[],
  ): PendingStep {
    if (!this.#prepared) throw new Error("Cannot submit steps twice");
    this.#prepared = false;
    try {
      step.submit();
    } catch (error) {
      this.#readback.release(ticket);
      throw error;
    }
    return { collect: () => this.#collect(ticket, steps) };
  }

  async #collect(
    ticket: ReadbackTicket,
    steps: readonly (EncodedSamples | null)[],
  ): Promise<readonly (readonly SampledToken[])[]> {
    const bytes = await this.#readback.read(ticket);
    let at = 0;
    return steps.map((encoded) => {
      if (encoded === null) return [];
      const { windows, batch } = encoded;
      const end = at + batch.bytes;
      const samples = this.#sampler.decode(batch, bytes.slice(at, end));
      at = end;
      return this.#accept(windows, samples);
    });
  }

  /** Of the samples of all rows, those that count; the device learns of what it cannot know. */
  #accept(windows: readonly SampleWindow[], samples: readonly SampledToken[]): readonly SampledToken[] {
    if (samples.length === windows.length) return samples.filter(isSampled);
    let at = 0;
    return windows.flatMap(({ slot, drafts }) => {
      const rows = drafts.length + 1;
      const accepted = acceptedSamples(drafts, samples.slice(at, at + rows)).filter(isSampled);
      at += rows;
      if (drafts.length === 0) return accepted;
      this.#undecided.delete(slot);
      this.#sampledTokens[slot]! -= rows - accepted.length;
      if (accepted.length > 0) this.#sampler.settle(slot, accepted.map(({ id }) => id));
      return accepted;
    });
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}

/** Not so of rows that were left out, because their slot had stopped. */
function isSampled({ id }: SampledToken): boolean {
  return id !== STOPPED;
}
