/** Two models side by side on one prompt. Each keeps its own side of the conversation; nothing is stored. */
import { useEffect, useState } from "preact/hooks";
import { isOver, type Run, WatchedRun } from "../lib/runs.ts";
import { type MessageInput, StartGeneration, WatchGeneration } from "../operations/generated.ts";
import { Link, modelHref } from "../lib/router.tsx";
import { Answer } from "../ui/answer.tsx";
import { Behind, type Sent } from "../ui/behind.tsx";
import { Composer } from "../ui/composer.tsx";
import { Empty } from "../ui/parts.tsx";
import { Suggestions } from "../ui/suggestions.tsx";
import type { Setting } from "./play.tsx";

interface Turn {
  readonly prompt: string;
  readonly answers: readonly Run[];
}

export function Compare({ models, setting }: { models: readonly [string, string]; setting: Setting }) {
  const place = (index: number) => `compare ${models.join(" ")} ${index}`;
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [watched, setWatched] = useState<readonly WatchedRun[]>([]);
  useEffect(() => {
    const resumed = models.flatMap((_, index) => WatchedRun.resume(place(index)) ?? []);
    if (resumed.length === 2) setWatched(resumed);
  }, []);
  useEffect(() => () => watched.forEach((each) => each.leave()), [watched]);
  const runs = watched.map((each) => each.run.value);
  const busy = runs.some((run) => !isOver(run));

  const send = (prompt: string) => {
    const done = runs.length === 2 ? [...turns, { prompt: runs[0]!.prompt, answers: runs }] : turns;
    setTurns(done);
    setWatched(models.map((name, index) => {
      const history = done.flatMap(({ prompt, answers }): MessageInput[] =>
        answers[index]!.text === ""
          ? []
          : [{ role: "USER", content: prompt }, { role: "ASSISTANT", content: answers[index]!.text }]
      );
      return WatchedRun.start(
        place(index),
        {
          model: { name },
          prompt: { messages: [...history, { role: "USER", content: prompt }] },
          sampling: setting.sampling as never,
        },
        { model: name, prompt },
      );
    }));
  };
  return (
    <>
      <div class="compare-heads">
        {models.map((name) => (
          <h2 key={name}>
            <Link href={modelHref(name)}>{name}</Link>
          </h2>
        ))}
      </div>
      <div class="conversation" role="log" aria-live="off" aria-label="Two conversations">
        {turns.length === 0 && runs.length === 0 && (
          <Empty title="One prompt, two answers">
            <p>
              Both models get what you write, each goes on from its own answers. Nothing of it is kept with
              your conversations.
            </p>
            <Suggestions onSend={send} />
          </Empty>
        )}
        {[...turns, ...runs.length === 2 ? [{ prompt: runs[0]!.prompt, answers: runs }] : []].map((
          turn,
          index,
        ) => (
          <div key={index} class="compare-turn">
            <p class="said user">
              <span class="unseen">You:</span>
              {turn.prompt}
            </p>
            <div class="compare-answers">
              {turn.answers.map((run, side) => (
                <div key={side} class="said assistant">
                  <p class="compare-name">{models[side]}</p>
                  <Answer run={run} coloured={setting.coloured} />
                </div>
              ))}
            </div>
          </div>
        ))}
      </div>
      <Composer
        busy={busy}
        onSend={send}
        onStop={() => watched.forEach((each) => void each.stop().catch(() => {}))}
      />
      <Behind
        sent={runs.flatMap(({ input, generationId, model }): Sent[] =>
          input === null ? [] : [
            { title: `Ask ${model}`, operation: StartGeneration, variables: { input } },
            {
              title: `Watch ${model}`,
              operation: WatchGeneration,
              variables: { id: generationId ?? "…", afterSeq: 0 },
            },
          ]
        )}
      />
    </>
  );
}
