/** An answer as it comes: what it waits for, its tokens coloured by probability, and what it took. */
import { Component } from "preact";
import { useState } from "preact/hooks";
import { isOver, type Run, type Token } from "../lib/runs.ts";
import { seconds } from "../lib/format.ts";
import { Bar } from "./parts.tsx";

export function Answer({ run, coloured }: { run: Run; coloured: boolean }) {
  return (
    <div class="answer">
      <p class="unseen" role="status">{announced(run)}</p>
      <Before run={run} />
      {run.droppedMessages > 0 && (
        <p class="note">
          The oldest {run.droppedMessages} messages did not fit: the model has not seen them.
        </p>
      )}
      {coloured && run.tokens.some(({ logprob }) => logprob !== null)
        ? <Tokens tokens={run.tokens} />
        : run.text !== "" && <p class="text">{run.text}</p>}
      {!isOver(run) && run.text !== "" && <span class="caret" aria-hidden="true" />}
      <After run={run} />
    </div>
  );
}

/** What a screen reader says: each stage once, and the answer when it is whole. */
function announced(run: Run): string {
  switch (run.phase) {
    case "starting":
      return "Asking";
    case "queued":
      return run.position === null ? "Waiting" : `Waiting, ${run.position} in the queue`;
    case "loading":
      return `Loading ${run.model}`;
    case "reading":
      return "Reading the prompt";
    case "writing":
      return "Answering";
    case "finished":
    case "cancelled":
      return `${run.phase === "finished" ? "Answer" : "Stopped"}: ${run.text}`;
    case "failed":
      return "";
  }
}

/** Until the first token. */
function Before({ run }: { run: Run }) {
  if (run.text !== "") return null;
  switch (run.phase) {
    case "starting":
      return <p class="phase">Asking …</p>;
    case "queued":
      return (
        <p class="phase">
          {run.position === null
            ? "Waiting for its turn …"
            : run.position === 1
            ? "Next in the queue …"
            : `Waiting: ${run.position - 1} come first …`}
        </p>
      );
    case "loading":
      return (
        <div class="phase">
          <p>Loading {run.model}: {Math.round((run.fraction ?? 0) * 100)} %</p>
          <Bar value={run.fraction ?? 0} label={`Loading ${run.model}`} />
        </div>
      );
    case "reading":
      return (
        <p class="phase">
          Has read the prompt’s {run.promptTokens} tokens
          {run.cachedTokens !== null && run.cachedTokens > 0 && `, ${run.cachedTokens} of them cached`} …
        </p>
      );
    default:
      return null;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  STOP: "ended by itself",
  STOP_STRING: "ended at a stop string",
  LENGTH: "reached the token limit",
  CONTEXT_FULL: "reached the end of the context",
  CANCELLED: "stopped",
};

function After({ run }: { run: Run }) {
  if (run.phase === "failed") {
    return (
      <p class="field-error failed" role="alert">
        <strong>{run.text === "" ? "There is no answer." : "The answer broke off."}</strong> {run.error}
      </p>
    );
  }
  if (!isOver(run)) return null;
  const { usage, timings } = run;
  return (
    <p class="usage">
      <span>{REASONS[run.finishReason ?? ""] ?? "over"}</span>
      {usage && <Counts usage={usage} />}
      {timings && <Speed timings={timings} />}
    </p>
  );
}

export function Counts({ usage }: {
  usage: {
    readonly completionTokens: number;
    readonly promptTokens: number;
    readonly cachedTokens: number;
  };
}) {
  return (
    <>
      <span>{usage.completionTokens} tokens</span>
      <span>
        prompt of {usage.promptTokens}
        {usage.cachedTokens > 0 && `, ${usage.cachedTokens} cached`}
      </span>
    </>
  );
}

export function Speed({ timings }: {
  timings: { readonly ttftMs: number; readonly decodeTokensPerSecond: number };
}) {
  return (
    <>
      {timings.decodeTokensPerSecond > 0 && <span>{timings.decodeTokensPerSecond.toFixed(1)} tok/s</span>}
      <span>first after {seconds(timings.ttftMs / 1000)}</span>
    </>
  );
}

const STEPS = [["p4", "over 90 %"], ["p3", "over 50 %"], ["p2", "over 15 %"], ["p1", "less likely"]] as const;

/** What the colours mean. */
export function TokenLegend() {
  return (
    <ul class="token-legend" aria-label="Colours of tokens">
      {STEPS.map(([step, text]) => (
        <li key={step}>
          <span class={`token ${step}`}>{text}</span>
        </li>
      ))}
    </ul>
  );
}

/** Four steps, told by the line below as well as by colour. */
function sureness(logprob: number | null): string {
  if (logprob === null) return "";
  const probability = Math.exp(logprob);
  return probability > 0.9 ? "p4" : probability > 0.5 ? "p3" : probability > 0.15 ? "p2" : "p1";
}

/** Tokens that are drawn together: a new one draws its own block, not the whole answer. */
const BLOCK = 64;

interface BlockProps {
  readonly tokens: readonly Token[];
  readonly from: number;
  readonly to: number;
  /** The one that is pointed at, if it is in here. */
  readonly at: number | null;
  readonly setAt: (at: number) => void;
}

class Block extends Component<BlockProps> {
  override shouldComponentUpdate(next: BlockProps): boolean {
    const { tokens, from, to, at } = this.props;
    return next.to !== to || next.at !== at || next.tokens[from] !== tokens[from];
  }

  render({ tokens, from, to, at, setAt }: BlockProps) {
    return tokens.slice(from, to).map((each, offset) => (
      <span
        key={offset}
        class={`token ${sureness(each.logprob)}${at === from + offset ? " at" : ""}`}
        onPointerEnter={() => setAt(from + offset)}
      >
        {each.text}
      </span>
    ));
  }
}

function Tokens({ tokens }: { tokens: readonly Token[] }) {
  const [at, setAt] = useState<number | null>(null);
  const press = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      Home: -tokens.length,
      End: tokens.length,
    };
    const step = steps[event.key];
    if (event.key === "Escape") return setAt(null);
    if (step === undefined) return;
    event.preventDefault();
    setAt(Math.min(tokens.length - 1, Math.max(0, (at ?? -1) + step)));
  };
  const token = at === null ? undefined : tokens[at];
  return (
    <div class="tokens">
      <p
        class="text"
        tabIndex={0}
        role="application"
        aria-label="The answer by token. Left and right go through the tokens."
        onKeyDown={press}
        onFocus={(event) => at === null && event.currentTarget.matches(":focus-visible") && setAt(0)}
        onBlur={() => setAt(null)}
        // A finger that is lifted has not looked away.
        onPointerLeave={(event) => event.pointerType !== "touch" && setAt(null)}
      >
        {Array.from({ length: Math.ceil(tokens.length / BLOCK) }, (_, block) => {
          const from = block * BLOCK;
          const to = Math.min(from + BLOCK, tokens.length);
          const isHere = at !== null && at >= from && at < to;
          return <Block key={block} {...{ tokens, from, to, setAt }} at={isHere ? at : null} />;
        })}
      </p>
      <div class="alternatives" role="status">
        {token === undefined
          ? (
            <span class="note">
              Point at a token, tap it, or use the arrow keys, to see what else could have come.
            </span>
          )
          : (
            <ol>
              {(token.top.some(({ id }) => id === token.id)
                ? token.top
                : [{ id: token.id, text: token.text, logprob: token.logprob ?? 0 }, ...token.top]).map((
                  other,
                ) => (
                  <li key={other.id} class={other.id === token.id ? "taken" : ""}>
                    <code>{visible(other.text)}</code>
                    <span class="share">{percent(Math.exp(other.logprob))}</span>
                  </li>
                ))}
            </ol>
          )}
      </div>
    </div>
  );
}

function percent(probability: number): string {
  return probability > 0 && probability < 0.001 ? "< 0.1 %" : `${(probability * 100).toFixed(1)} %`;
}

/** White space as one can see it. */
function visible(text: string): string {
  return text === "" ? "∅" : text.replaceAll("\n", "⏎").replace(/^ | $/g, "␣");
}
