/**
 * Which fields a request may have. What is not carried out is refused by name, and so is what nobody knows: a client that
 * asked for tools, or for a "temprature", must not get an answer without. What changes no token is passed over.
 */
import { didYouMean, nearest } from "../../app/suggest.ts";
import { RequestError } from "./errors.ts";

/** Fields of the API, and what its clients send along, that change no token of an answer. */
const WITHOUT_EFFECT: readonly string[] = [
  "metadata",
  "moderation",
  "parallel_tool_calls",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning_effort",
  "request_id",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
  "verbosity",
];

/**
 * Would change the answer, and is not carried out. Nulls and these values, also in a list, say nothing. From `best_of` on
 * they are those of other servers, whose clients send them with the values that they have anyway.
 */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  tools: [],
  tool_choice: ["none", "auto"],
  functions: [],
  function_call: ["none", "auto"],
  audio: [],
  modalities: ["text"],
  prediction: [],
  web_search_options: [],
  best_of: [1],
  echo: [false],
  use_beam_search: [false],
  length_penalty: [1],
  include_stop_str_in_output: [false],
  skip_special_tokens: [true],
  spaces_between_special_tokens: [true, false],
  add_generation_prompt: [true],
  chat_template_kwargs: [],
  continue_final_message: [false],
  priority: [0],
};

/** Throws RequestError for the first field of `body` that is neither in `taken` nor known to change nothing. */
export function requireKnownFields(body: Readonly<Record<string, unknown>>, taken: readonly string[]): void {
  for (const [field, value] of Object.entries(body)) {
    if (taken.includes(field) || WITHOUT_EFFECT.includes(field)) continue;
    if (value === null) continue; // asks for nothing
    if (!Object.hasOwn(UNSUPPORTED, field)) throw unknown(field, taken);
    const harmless = UNSUPPORTED[field]!;
    const isSaid = Array.isArray(value)
      ? value.some((item) => !harmless.includes(item))
      : !harmless.includes(value);
    if (isSaid) throw unsupported(field);
  }
}

export function unsupported(field: string): RequestError {
  return new RequestError(field, `Unsupported parameter: ${field} is not carried out by this gateway`);
}

/** The client's own word: as much of it as tells which one it was. */
const MAX_SHOWN = 100;

function unknown(field: string, taken: readonly string[]): RequestError {
  const shown = field.slice(0, MAX_SHOWN);
  const meant = didYouMean(nearest(field, [...taken, ...WITHOUT_EFFECT, ...Object.keys(UNSUPPORTED)]));
  return new RequestError(shown, `Unknown parameter: ${JSON.stringify(shown)}${meant}`, "unknown_parameter");
}
