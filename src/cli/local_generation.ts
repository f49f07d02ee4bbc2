/**
 * One generation on an engine of its own, without database or server: what `geodesic generate` does. The engine and its
 * thread live as long as the call.
 */
import { OutputText } from "../app/generate/output_text.ts";
import type { ServedText } from "../app/generate/served_text.ts";
import type { FinishReason } from "../app/types.ts";
import type {
  EngineClient,
  LoadProgress,
  RequestMessage,
  RequestTimings,
  Speculation,
  WireToken,
} from "../engine/protocol.ts";
import { fromErrorRecord } from "../errors.ts";
import type { Accumulation, KvCacheDtype, Precision, Quantization } from "../model/runner.ts";
import type { SamplingParams } from "../model/sampling.ts";
import { StopMatcher } from "../tokenizer/stop_strings.ts";

export interface LocalRequest {
  /** The model as the user named it. */
  readonly model: string;
  /** Absolute path of the checkpoint. */
  readonly path: string;
  readonly quantization: Quantization;
  readonly precision: Precision;
  readonly kvCacheDtype: KvCacheDtype;
  readonly accumulation: Accumulation;
  readonly promptTokenIds: readonly number[];
  /** The output goes on with the prompt's text, so that a space at its start counts. */
  readonly continuesText: boolean;
  readonly sampling: SamplingParams;
  readonly served: ServedText;
  /** Longest sequence to make room for. */
  readonly maxContext: number;
  readonly speculation: Speculation;
  /** Where forms lie that were found quickest on this device. */
  readonly tunedDir: string;
}
export interface LocalResult {
  /** The id that ended the generation is the last of them. */
  readonly tokens: readonly WireToken[];
  /** Without control tokens and without a stop string. Empty for a model without tokenizer. */
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly timings: RequestTimings;
  /** From the start of the engine's thread until the model was ready. */
  readonly loadMs: number;
}
export interface LocalOptions {
  readonly signal: AbortSignal;
  readonly onLoad?: (progress: LoadProgress) => void;
  /** Text as it becomes certain. */
  readonly onText?: (text: string) => void;
}

const MODEL_KEY = "model";
const REQUEST_ID = "request";

/** Loads the model and generates. Throws what loading or generating throws, and the signal's reason. */
export async function generateLocally(
  engine: EngineClient,
  request: LocalRequest,
  options: LocalOptions,
): Promise<LocalResult> {
  const { path, quantization, precision, kvCacheDtype, accumulation, maxContext, speculation, tunedDir } =
    request;
  const { signal, onLoad } = options;
  const startedMs = performance.now();
  await engine.ready();
  await engine.load(
    {
      modelKey: MODEL_KEY,
      modelName: request.model,
      path,
      quantization,
      precision,
      kvCacheDtype,
      accumulation,
      maxContext,
      maxSequences: 1,
      speculation,
      tunedDir,
    },
    { signal, ...onLoad === undefined ? {} : { onProgress: onLoad } },
  );
  const loadMs = performance.now() - startedMs;
  return { ...await submit(engine, request, options), loadMs };
}

function submit(
  engine: EngineClient,
  request: LocalRequest,
  { signal, onText }: LocalOptions,
): Promise<Omit<LocalResult, "loadMs">> {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<LocalResult, "loadMs">>();
  const output = createOutput(request);
  const tokens: WireToken[] = [];
  const send = (text: string) => {
    if (text !== "") onText?.(text);
  };
  const cancel = () => engine.cancel(REQUEST_ID);
  signal.addEventListener("abort", cancel, { once: true });

  const take = (batch: readonly WireToken[]) => {
    for (const token of batch) {
      if (output.stopped) return; // ran ahead of the stop string
      tokens.push(token);
      send(output.push(token).map(({ text }) => text).join(""));
    }
    if (output.stopped) cancel();
  };
  const onMessage = (message: RequestMessage) => {
    if (message.type === "tokens") take(message.tokens);
    else if (message.type === "failed") reject(fromErrorRecord(message.error));
    else if (message.type === "finished") {
      if (signal.aborted) return reject(signal.reason);
      const rest = output.finish();
      send(rest.tokens.map(({ text }) => text).join("") + rest.text);
      const finishReason = output.stopped ? "STOP_STRING" : message.reason;
      resolve({ tokens, text: output.text, finishReason, timings: message.timings });
    }
  };
  const { promptTokenIds, sampling: { stop: _, seed, ...sampling }, served: { eosTokenIds } } = request;
  engine.submit({
    requestId: REQUEST_ID,
    modelKey: MODEL_KEY,
    promptTokenIds,
    sampling: { ...sampling, seed: String(seed) },
    eosTokenIds,
  }, (message) => {
    try {
      onMessage(message);
    } catch (error) { // writing the text failed: nobody reads on
      cancel();
      reject(error);
    }
  });
  return promise.finally(() => signal.removeEventListener("abort", cancel));
}

/** Text for models that have a tokenizer, none for the others. */
function createOutput({ served: { tokenizer }, sampling, continuesText }: LocalRequest): OutputText {
  const decoder = tokenizer?.streamDecoder({ afterPrompt: continuesText }) ??
    { push: () => "", flush: () => "" };
  return new OutputText({
    decoder,
    stops: sampling.stop.length === 0 ? null : new StopMatcher(sampling.stop),
    minTokens: sampling.minTokens,
    textOf: () => "", // alternatives are reported by id
  });
}
