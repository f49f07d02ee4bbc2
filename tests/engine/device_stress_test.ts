/**
 * The engine over the real runner, with more requests than slots, fewer blocks than the slots could use, prompts of
 * several chunks, and cancellations at random moments. Whatever happens around a request, its tokens are those it gets alone.
 */
import { expect } from "@std/expect";
import type { SubmitCommand, WireToken } from "../../src/engine/protocol.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { gpuTest } from "../gpu/device.ts";
import { randomPrompt, randoms } from "../model/random_case.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { CONTEXT, DeviceEngine, isEnd, VOCABULARY } from "../support/device_engine.ts";
import { submitCommand } from "../support/fake_engine.ts";
import { tempDir } from "../support/temp.ts";

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

/** Everybody asks for log-probabilities, and half of them are sampled with penalties that count outputs. */
function sampledRequests(): SubmitCommand[] {
  return [3, 21, 18, 34, 5, 17].map((length, index) => {
    const sampled = { temperature: 1.2, topP: 0.95, repetitionPenalty: 1.3, frequencyPenalty: 0.4 };
    const sampling = { maxTokens: 40, logprobs: 2, seed: `${index}`, ...index % 2 === 0 ? sampled : {} };
    // All but the shortest begin alike.
    const prompt = length < 16 ? randomPrompt(VOCABULARY, length, index) : [
      ...randomPrompt(VOCABULARY, 16, 9),
      ...randomPrompt(VOCABULARY, length - 16, index),
    ];
    return submitCommand(`r${index}`, prompt, sampling);
  });
}

gpuTest(
  "Engine answers with the same bits alone, and preempted, from a shared prefix, in several steps a submit",
  async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, { config: { vocab_size: VOCABULARY }, seed: 5, gain: 2 });
    const requests = sampledRequests();
    const alone = new Map<string, WireToken[]>();
    for (const request of requests) {
      await using engine = new DeviceEngine(device); // Each on its own, so that no prefix is cached.
      await engine.load(dir.path);
      await engine.serve([request]);
      expect(engine.metrics()).toMatchObject({ preemptions: 0, prefixCacheHits: 0 });
      alone.set(request.requestId, engine.tokens(request.requestId));
    }
    for (
      const options of [
        { blocks: 7, stepsPerSubmit: 1 },
        { blocks: 7, stepsPerSubmit: 4, mixedPromptTokens: 16 },
        { blocks: 32, stepsPerSubmit: 4, mixedPromptTokens: 5 },
      ]
    ) {
      await using engine = new DeviceEngine(device, options);
      await engine.load(dir.path);
      await engine.serve(requests);
      const again = requests.map((request) => ({ ...request, requestId: `${request.requestId} again` }));
      await engine.serve(again);
      for (const { requestId } of requests) {
        expect(engine.tokens(requestId)).toEqual(alone.get(requestId));
        expect(engine.tokens(`${requestId} again`)).toEqual(alone.get(requestId));
      }
      const { preemptions, prefixCacheHits, usedBlocks } = engine.metrics();
      expect([preemptions > 0, prefixCacheHits > 0, usedBlocks]).toEqual([options.blocks === 7, true, 0]);
    }
  },
);
