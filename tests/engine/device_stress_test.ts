/**
 * The engine over the real runner, with more requests than slots, fewer blocks than the slots could use, prompts of
 * several chunks, and cancellations at random moments. Whatever happens around a request, its tokens are those it gets alone.
 */
import { expect } from "@std/expect";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineMessage, SubmitCommand } from "../../src/engine/protocol.ts";
import { MessageTurns } from "../../src/engine/turns.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/load.ts";
import { gpuTest } from "../gpu/device.ts";
import { randomPrompt, randoms } from "../model/random_case.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { submitCommand } from "../support/fake_engine.ts";
import { tempDir } from "../support/temp.ts";

const VOCABULARY = 64;
const CONTEXT = 64;
const SLOTS = 8;
const BLOCK_BYTES = 2 * 2 * 4 * 16 * 4; // k|v, kv heads, head_dim, block size, f32
const LAYERS = 2;

/** An engine with one model "m", whose cache holds three contexts. */
class DeviceEngine implements AsyncDisposable {
  readonly messages: EngineMessage[] = [];
  readonly #turns = new MessageTurns();
  readonly #waiting: { readonly until: (message: EngineMessage) => boolean; readonly resolve: () => void }[] =
    [];
  readonly #engine: Engine;

  constructor(device: GpuDevice) {
    this.#engine = new Engine({
      load: ({ path }, { signal }) =>
        loadModel(device, path, {
          quantization: "none",
          precision: "f32",
          maxContext: CONTEXT,
          maxSequences: SLOTS,
          cacheBytes: 12 * BLOCK_BYTES * LAYERS,
          signal,
        }),
      emit: (message) => this.#receive(message),
      turn: () => this.#turns.next(),
      now: () => performance.now(),
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

  async load(path: string): Promise<void> {
    const loaded = this.next(({ type }) => type === "loaded");
    const limits = { maxContext: CONTEXT, maxSequences: SLOTS };
    this.dispatch({ type: "load", modelKey: "m", path, quantization: "none", precision: "f32", ...limits });
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

const isEnd = ({ type }: EngineMessage) => type === "finished" || type === "failed";

function randomRequests(count: number, seed: number): SubmitCommand[] {
  const next = randoms(seed);
  return Array.from({ length: count }, (_, index) => {
    const length = 1 + Math.floor(next() * (CONTEXT - 1)); // one short of the context at most
    const sampled = {
      temperature: 1.1,
      topP: 0.95,
      repetitionPenalty: 1.2,
      seed: String(index),
      logprobs: 1,
    };
    return submitCommand(`r${index}`, randomPrompt(VOCABULARY, length, seed + index), {
      maxTokens: 1 + Math.floor(next() * CONTEXT),
      ...next() < 0.5 ? sampled : {},
    });
  });
}

gpuTest(
  "Engine serves a storm of requests on few slots and blocks as it serves each alone",
  async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, { config: { vocab_size: VOCABULARY }, seed: 5, gain: 2 });
    const buffers = liveBufferCount();
    {
      await using engine = new DeviceEngine(device);
      await engine.load(dir.path);
      const requests = randomRequests(50, 77);
      const next = randoms(78);
      let ended = 0;
      const done = engine.next((message) => isEnd(message) && ++ended === requests.length);
      const cancelled = new Set<string>();
      for (const request of requests) {
        engine.dispatch(request);
        if (next() < 0.7) continue;
        // A moment in the life of another request, which may be over by then.
        await engine.next(({ type }) => type === "tokens" || type === "finished");
        const { requestId } = requests[Math.floor(next() * requests.length)]!;
        cancelled.add(requestId);
        engine.dispatch({ type: "cancel", requestId });
      }
      await done;
      engine.dispatch({ type: "metrics" });
      expect(engine.messages.at(-1)).toMatchObject({
        models: [{ running: 0, waiting: 0, usedBlocks: 0, totalBlocks: 12 }],
      });

      for (const { requestId, ...request } of requests) {
        const last = engine.of(requestId).at(-1)!;
        expect(engine.of(requestId).filter(isEnd)).toEqual([last]);
        if (last.type !== "finished") throw new Error(JSON.stringify(last));
        const alone = `${requestId} alone`;
        const end = engine.next((message) => isEnd(message));
        engine.dispatch({ ...request, requestId: alone });
        await end;
        const ids = engine.ids(alone);
        if (last.reason === "CANCELLED") {
          expect(cancelled.has(requestId)).toBe(true);
          expect(engine.ids(requestId)).toEqual(ids.slice(0, last.completionTokens));
        } else {
          expect(engine.ids(requestId)).toEqual(ids);
          const room = CONTEXT - request.promptTokenIds.length;
          const { maxTokens } = request.sampling;
          expect([ids.length, last.reason]).toEqual(
            maxTokens <= room ? [maxTokens, "LENGTH"] : [room, "CONTEXT_FULL"],
          );
        }
      }
    }
    expect(liveBufferCount()).toBe(buffers);
  },
);
