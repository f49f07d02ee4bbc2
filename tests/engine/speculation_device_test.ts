/**
 * Guessed tokens on a device: answers, log-probabilities to the last bit, are those of single steps, whatever the sampling,
 * alone and for two at once, in fewer steps of as many dispatches.
 */
import { expect } from "@std/expect";
import type { SubmitCommand } from "../../src/engine/protocol.ts";
import { type DeviceTuning, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import type { BlockId, DecodeRow, Slot } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { blocks, fixture, generate, GREEDY, LOAD } from "../model/harness.ts";
import { randomPrompt } from "../model/random_case.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { DeviceEngine, VOCABULARY } from "../support/device_engine.ts";
import { submitCommand } from "../support/fake_engine.ts";
import { SAMPLING } from "../support/sampling.ts";
import { tempDir } from "../support/temp.ts";

/** A model of random weights repeats itself for long only where a few tokens are favoured. */
const FAVOURED = [5, 11, 23].map((tokenId, rank) => ({ tokenId, bias: 5 - rank }));
const SAMPLINGS: Readonly<Record<string, Partial<SubmitCommand["sampling"]>>> = {
  greedy: {},
  "greedy among few": { logitBias: FAVOURED },
  sampled: { temperature: 0.5, topP: 0.9, seed: "11", logitBias: FAVOURED },
  "with penalties": {
    // Favoured so much that they take turns, by how often each has come.
    temperature: 0.1,
    repetitionPenalty: 1.05,
    presencePenalty: 0.3,
    frequencyPenalty: 1,
    seed: "12",
    logitBias: FAVOURED.map(({ tokenId }) => ({ tokenId, bias: 40 })),
  },
  "with stops banned": {
    temperature: 0.3,
    seed: "13",
    minTokens: 50,
    stopTokenIds: [5, 9, 17],
    logitBias: FAVOURED,
  },
};

for (const tuned of ["anything", "subgroups"] as const) {
  gpuTest(
    `Engine tuned for ${tuned} samples the same with guesses as without, to the last bit`,
    async (device) => {
      await using dir = await tempDir();
      await writeCheckpoint(dir.path, {
        config: { vocab_size: VOCABULARY, max_position_embeddings: 256 },
        seed: 5,
        gain: 1,
      });
      const base = tuned === "subgroups" ? subgroupTuning(device.info.subgroupSize!) : portableTuning(true);
      const tuning: DeviceTuning = base.attention === null
        ? base
        : { ...base, attention: { ...base.attention, splitKeys: 16 } };
      const piece = randomPrompt(VOCABULARY, 6, 3);
      const requests = Object.entries(SAMPLINGS).map(([name, sampling]) =>
        submitCommand(name, [...piece, ...piece, ...piece], { maxTokens: 60, logprobs: 2, ...sampling })
      );
      const run = async (speculation: "auto" | "off", together: number) => {
        await using engine = new DeviceEngine(device, {
          context: 160,
          blocks: 40,
          stepsPerSubmit: 2,
          tuning,
        });
        await engine.load(dir.path, speculation);
        for (let first = 0; first < requests.length; first += together) {
          await engine.serve(requests.slice(first, first + together));
        }
        const { steps, draftedTokens, acceptedTokens } = engine.metrics();
        const answers = requests.map(({ requestId }) => engine.tokens(requestId));
        return { answers, steps, drafted: draftedTokens, accepted: acceptedTokens };
      };
      const plain = await run("off", 1);
      expect(plain.drafted).toBe(0);
      for (const together of [1, 2]) {
        const { answers, steps, drafted, accepted } = await run("auto", together);
        for (const [index, answer] of answers.entries()) expect(answer).toEqual(plain.answers[index]);
        // Some are wrong, or what wrong ones leave behind would not have been tried.
        expect([accepted > 25, drafted > accepted, steps < plain.steps]).toEqual([true, true, true]);
      }
    },
    { subgroups: tuned === "subgroups" },
  );
}

gpuTest(
  "a runner's step with drafts gives what single steps give, for as many dispatches",
  async (device) => {
    using runner = await loadModel(device, fixture("gqa"), LOAD);
    const prompt = [5, 6, 7, 8, 9];
    // Four tokens take turns by how often each has come, one of them only from some place on.
    const logitBias = [10, 20, 30, 40].map((tokenId) => ({ tokenId, bias: 50 }));
    const penalties = { frequencyPenalty: 1.9, presencePenalty: 0.4, minTokens: 6 };
    const sampling = { ...SAMPLING, temperature: 0.8, seed: 4n, logprobs: 2, logitBias, ...penalties };
    const init = { ...GREEDY, sampling, bannedUntilMinTokens: [20] };
    const [expected] = await generate(runner, [{ prompt, count: 12, slot: 1, firstBlock: 8, init }]);
    const ids = expected!.map(({ id }) => id);

    const slot = 2 as Slot;
    const blockTable = blocks(32, runner.limits.blockSize, 0) as BlockId[];
    const tokenIds = Uint32Array.from(prompt);
    runner.initSlot(slot, { ...init, promptTokenIds: tokenIds });
    const chunk = { slot, tokenIds, start: 0, replay: false, sample: true, blockTable };
    const found = [...(await runner.prepare([{ prompts: [chunk], decodes: [] }]).submit().collect())[0]!];
    const wrong = (id: number) => (id + 1) % runner.limits.vocabSize;
    const dispatches = new Set<number>();
    // All right, the second wrong, none, the first wrong, right but one.
    for (const guess of [[0, 0, 0], [0, 1, 0], [], [1, 0], [0]]) {
      const at = found.length;
      const drafts = Uint32Array.from(guess, (isWrong, n) => isWrong ? wrong(ids[at + n]!) : ids[at + n]!);
      const row: DecodeRow = { slot, position: prompt.length + at - 1, blockTable, drafts };
      const prepared = runner.prepare([{ prompts: [], decodes: [row] }]);
      dispatches.add(prepared.costs[0]!.dispatches);
      const pending = prepared.submit();
      if (guess.length > 0) {
        expect(() => runner.prepare([{ prompts: [], decodes: [{ ...row, drafts: new Uint32Array(0) }] }]))
          .toThrow(RangeError);
      }
      const [samples] = await pending.collect();
      const right = guess.indexOf(1) < 0 ? guess.length : guess.indexOf(1);
      expect(samples!.length).toBe(right + 1);
      found.push(...samples!);
    }
    expect(found.map((token) => ({ ...token, slot: 1 }))).toEqual(expected!.slice(0, found.length));
    expect(found.length).toBe(1 + 4 + 2 + 1 + 1 + 2);
    expect(dispatches.size).toBe(1);
  },
);
