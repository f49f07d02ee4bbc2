/**
 * An engine over the real runner on a real device, in this thread: one model "m" made by writeCheckpoint() (its
 * vocabulary of {@link VOCABULARY}), and whatever it says, by request too.
 */
import { Engine } from "../../src/engine/engine.ts";
import type {
  EngineMessage,
  EngineMetrics,
  Speculation,
  SubmitCommand,
  WireToken,
} from "../../src/engine/protocol.ts";
import { MessageTurns } from "../../src/engine/turns.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import type { DeviceTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import type { Precision } from "../../src/model/runner.ts";

export const VOCABULARY = 64;
export const CONTEXT = 64;
const SLOTS = 8;
const BLOCK_BYTES = 2 * 2 * 4 * 16 * 4; // k|v, kv heads, head_dim, block size, f32
const LAYERS = 2;

export const isEnd = ({ type }: EngineMessage): boolean => type === "finished" || type === "failed";

/** An engine with one model "m", whose cache holds so many blocks: twelve are three contexts. */
export class DeviceEngine implements AsyncDisposable {
  readonly messages: EngineMessage[] = [];
  readonly #turns = new MessageTurns();
  readonly #waiting: { readonly until: (message: EngineMessage) => boolean; readonly resolve: () => void }[] =
    [];
  readonly #engine: Engine;
  readonly #context: number;
  readonly #precision: Precision;

  constructor(
    device: GpuDevice,
    {
      blocks = 12,
      context = CONTEXT,
      stepsPerSubmit = 1,
      mixedPromptTokens = 128,
      tuning,
      precision = "f32",
    }: {
      readonly blocks?: number;
      readonly context?: number;
      readonly stepsPerSubmit?: number;
      readonly mixedPromptTokens?: number;
      readonly tuning?: DeviceTuning;
      readonly precision?: Precision;
    } = {},
  ) {
    this.#context = context;
    this.#precision = precision;
    this.#engine = new Engine({
      load: ({ path, precision }, { signal }) =>
        loadModel(device, path, {
          quantization: "none",
          precision,
          maxContext: context,
          maxSequences: SLOTS,
          ...tuning && { tuning },
          cacheBytes: blocks * BLOCK_BYTES * LAYERS,
          signal,
        }),
      emit: (message) => this.#receive(message),
      turn: () => this.#turns.next(),
      now: () => performance.now(),
      stepsPerSubmit,
      batch: { mixedPromptTokens },
      onInternalError: (error) => {
        throw error;
      },
    });
  }

  dispatch(command: Parameters<Engine["dispatch"]>[0]): void {
    this.#engine.dispatch(command);
  }

  /** Resolves with the first message from now on that `until` accepts. */
  next(until: (message: EngineMessage) => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ until, resolve }));
  }

  async load(path: string, speculation: Speculation = "auto"): Promise<void> {
    const loaded = this.next(({ type }) => type === "loaded");
    const weights = { quantization: "none", precision: this.#precision } as const;
    const limits = { maxContext: this.#context, maxSequences: SLOTS };
    this.dispatch({ type: "load", modelKey: "m", path, speculation, ...weights, ...limits });
    await loaded;
  }

  of(requestId: string): EngineMessage[] {
    return this.messages.filter((message) => "requestId" in message && message.requestId === requestId);
  }

  ids(requestId: string): number[] {
    return this.of(requestId).flatMap((message) =>
      message.type === "tokens" ? message.tokens.map(({ id }) => id) : []
    );
  }

  /** Ids and, to the last bit, log-probabilities. */
  tokens(requestId: string): WireToken[] {
    return this.of(requestId).flatMap((message) => message.type === "tokens" ? message.tokens : []);
  }

  metrics(): EngineMetrics["models"][number] & { readonly steps: number } {
    this.dispatch({ type: "metrics" });
    const last = this.messages.at(-1);
    if (last?.type !== "metrics") throw new Error("No metrics came");
    return { ...last.models[0]!, steps: last.steps };
  }

  /** Submits all, and resolves when all have ended. */
  async serve(requests: readonly SubmitCommand[]): Promise<void> {
    let ended = 0;
    const done = this.next((message) => isEnd(message) && ++ended === requests.length);
    for (const request of requests) this.dispatch(request);
    await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.next(({ type }) => type === "closed");
    this.dispatch({ type: "close" });
    await closed;
    this.#turns[Symbol.dispose]();
  }

  #receive(message: EngineMessage): void {
    this.messages.push(message);
    for (const waiter of [...this.#waiting]) {
      if (!waiter.until(message)) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve();
    }
  }
}
