/**
 * `/metrics` for Prometheus. What generations do is counted as it happens; the engine's own figures and the gauges are
 * asked for when somebody scrapes. Labels are names of registered models and fixed words, so their number is bounded.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { GenerationFacts, GenerationListener, GenerationObserver } from "../app/telemetry.ts";
import type { Gateway, GenerationEventBody, RuntimeInfo } from "../app/types.ts";

/** What a scrape looks at. */
export interface MetricSources {
  readonly gateway: Pick<Gateway, "runtime" | "models">;
  /** Open subscriptions and streams. */
  readonly liveStreams: number;
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const SECONDS_PER_TOKEN = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class Metrics implements GenerationObserver {
  readonly #registry = new Registry();
  readonly #generations = this.#counter("generations_total", "Ended generations by outcome", [
    "model",
    "outcome",
  ]);
  readonly #tokens = this.#counter(
    "tokens_total",
    "Tokens of ended generations: prompt, cached, completion",
    [
      "model",
      "kind",
    ],
  );
  readonly #failures = this.#counter("failed_generations_total", "Failed generations, by code", [
    "model",
    "code",
  ]);
  readonly #firstToken = this.#histogram(
    "time_to_first_token_seconds",
    "From the accepted request to the first token in the log",
    SECONDS,
  );
  readonly #perToken = this.#histogram(
    "time_per_output_token_seconds",
    "Mean over a finished generation's decode steps",
    SECONDS_PER_TOKEN,
  );
  readonly #duration = this.#histogram(
    "generation_duration_seconds",
    "From the accepted request to the terminal event",
    SECONDS,
  );
  readonly #open = gaugeOf(this.#registry)("open_generations", "Accepted and not ended", ["model"]);
  started({ modelName: model, startedAt }: GenerationFacts): GenerationListener {
    const since = (at: Date) => Math.max(0, at.getTime() - startedAt.getTime()) / 1000;
    let waits = true;
    this.#open.inc({ model });
    return (at, events) => {
      for (const event of events) {
        if (event.kind === "tokens" && waits) {
          waits = false;
          this.#firstToken.observe({ model }, since(at));
        }
        if (event.kind === "finished" || event.kind === "failed" || event.kind === "cancelled") {
          this.#open.dec({ model });
          this.#duration.observe({ model }, since(at));
          this.#count(model, event);
        }
      }
    };
  }

  #count(
    model: string,
    event: Extract<GenerationEventBody, { readonly kind: "finished" | "failed" | "cancelled" }>,
  ): void {
    this.#generations.inc({ model, outcome: event.kind });
    if (event.kind === "failed") return this.#failures.inc({ model, code: event.code });
    const { promptTokens, cachedTokens, completionTokens } = event.usage;
    this.#tokens.inc({ model, kind: "prompt" }, promptTokens);
    this.#tokens.inc({ model, kind: "cached" }, cachedTokens);
    this.#tokens.inc({ model, kind: "completion" }, completionTokens);
    if (event.kind !== "finished" || event.timings.decodeTokensPerSecond === 0) return;
    this.#perToken.observe({ model }, 1 / event.timings.decodeTokensPerSecond);
  }

  /** The text format of Prometheus. Scrapes at the same time do not see each other. */
  async render({ gateway, liveStreams }: MetricSources): Promise<{ contentType: string; text: string }> {
    const now = new Registry();
    gaugeOf(now)("live_streams", "Open subscriptions and streamed answers").set(liveStreams);
    gaugeOf(now)("gateway_resident_memory_bytes", "Of the gateway's own process").set(Deno.memoryUsage().rss);
    await addEngine(now, await gateway.runtime(), gateway);
    const text = await Registry.merge([this.#registry, now]).metrics();
    return { contentType: this.#registry.contentType, text };
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: `geodesic_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<"model"> {
    const labelNames: "model"[] = ["model"];
    return new Histogram({
      name: `geodesic_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.#registry],
    });
  }
}

/** Makes the gauges of a registry. */
function gaugeOf(registry: Registry) {
  return <T extends string = never>(name: string, help: string, labelNames: T[] = []): Gauge<T> =>
    new Gauge({ name: `geodesic_${name}`, help, labelNames, registers: [registry] });
}

/** What the engine says of itself. */
async function addEngine(
  registry: Registry,
  { status, engine, device }: RuntimeInfo,
  { models }: Pick<Gateway, "models">,
): Promise<void> {
  const gauge = gaugeOf(registry);
  gauge("engine_up", "1 while the engine answers").set(status.state === "READY" ? 1 : 0);
  gauge("engine_restarts", "Since the gateway's start").set(status.restarts);
  if (engine === null) return;
  gauge("engine_steps", "Forward steps since the engine's start").set(engine.steps);
  gauge("engine_generated_tokens", "Since the engine's start").set(engine.generatedTokens);
  gauge("engine_batch_size", "Sequences in the last step; 0 when idle").set(engine.lastBatchSize);
  gauge("engine_tokens_per_second", "Over the last seconds of activity").set(engine.tokensPerSecond);
  gauge("engine_read_bytes_per_second", "Of weights, keys and values, over the last seconds of activity")
    .set(engine.readBytesPerSecond);
  const bandwidth = device?.memoryBandwidth ?? null;
  if (bandwidth !== null) {
    gauge("device_memory_bandwidth_bytes", "A second, as measured at its start").set(bandwidth);
  }
  const sequences = gauge("engine_sequences", "On the device, and waiting for a place", ["model", "state"]);
  const blocks = gauge("engine_kv_blocks", "Of the KV cache: used, cached, total", ["model", "state"]);
  const memory = gauge("engine_memory_bytes", "On the device", ["model", "kind"]);
  const preemptions = gauge("engine_preemptions", "Sequences computed anew", ["model"]);
  const rows = await models.getMany(engine.models.map(({ modelKey }) => modelKey));
  for (const [index, counts] of engine.models.entries()) {
    const model = rows[index]?.name ?? counts.modelKey;
    sequences.set({ model, state: "running" }, counts.running);
    sequences.set({ model, state: "waiting" }, counts.waiting);
    blocks.set({ model, state: "used" }, counts.usedBlocks);
    blocks.set({ model, state: "cached" }, counts.cachedBlocks);
    blocks.set({ model, state: "total" }, counts.totalBlocks);
    memory.set({ model, kind: "weights" }, counts.weightBytes);
    memory.set({ model, kind: "kv_cache" }, counts.kvCacheBytes);
    preemptions.set({ model }, counts.preemptions);
  }
}
