/**
 * One OpenTelemetry span a generation, from the accepted request to the terminal event, and its metrics, under the names
 * of the GenAI semantic conventions. The request's own span ends when its headers are sent, so a stream would look
 * instant without this. Deno exports what it makes where `OTEL_DENO=true`; otherwise it costs next to nothing.
 */
import { metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import type { GenerationFacts, GenerationListener, GenerationObserver } from "../app/telemetry.ts";
import { VERSION } from "../version.ts";

export class Tracing implements GenerationObserver {
  readonly #tracer = trace.getTracer("geodesic", VERSION);
  readonly #meter = metrics.getMeter("geodesic", VERSION);
  readonly #duration = this.#meter.createHistogram("gen_ai.server.request.duration", { unit: "s" });
  readonly #firstToken = this.#meter.createHistogram("gen_ai.server.time_to_first_token", { unit: "s" });
  readonly #perToken = this.#meter.createHistogram("gen_ai.server.time_per_output_token", { unit: "s" });
  readonly #usage = this.#meter.createHistogram("gen_ai.client.token.usage", { unit: "{token}" });

  started({ generationId, modelName, artifactSha256, startedAt }: GenerationFacts): GenerationListener {
    const attributes = { "gen_ai.operation.name": "text_completion", "gen_ai.request.model": modelName };
    const span = this.#tracer.startSpan(`text_completion ${modelName}`, {
      startTime: startedAt,
      attributes: {
        ...attributes,
        "gen_ai.response.id": generationId,
        ...artifactSha256 === null ? {} : { "geodesic.artifact.sha256": artifactSha256 },
      },
    });
    const since = (at: Date) => Math.max(0, at.getTime() - startedAt.getTime()) / 1000;
    let waits = true;
    return (at, events) => {
      for (const event of events) {
        if (event.kind === "tokens" && waits) {
          waits = false;
          span.addEvent("first token", at);
          this.#firstToken.record(since(at), attributes);
        }
        if (event.kind === "finished" || event.kind === "cancelled") {
          const { promptTokens, completionTokens } = event.usage;
          span.setAttribute("gen_ai.usage.input_tokens", promptTokens);
          span.setAttribute("gen_ai.usage.output_tokens", completionTokens);
          this.#usage.record(promptTokens, { ...attributes, "gen_ai.token.type": "input" });
          this.#usage.record(completionTokens, { ...attributes, "gen_ai.token.type": "output" });
        }
        if (event.kind === "finished") {
          span.setAttribute("gen_ai.response.finish_reasons", [event.finishReason.toLowerCase()]);
          const { decodeTokensPerSecond: speed } = event.timings;
          if (speed > 0) this.#perToken.record(1 / speed, attributes);
        }
        if (event.kind === "failed") {
          span.setAttribute("error.type", event.code);
          span.setStatus({ code: SpanStatusCode.ERROR, message: event.code });
        }
        if (event.kind === "finished" || event.kind === "failed" || event.kind === "cancelled") {
          this.#duration.record(since(at), attributes);
          span.end(at);
        }
      }
    };
  }
}
