/**
 * The vocabulary part of a plan: which tokens the output has, whose tokenizer files it takes, and for every embedding
 * where each row comes from. Reads tokenizer.json files, never weights.
 */
import { MergeError } from "../errors.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import { ModelFolder } from "../formats/folder.ts";
import type { JsonObject } from "../formats/json.ts";
import type { EmbeddingRows, StoredRow } from "./embedding_rows.ts";
import type { ModelResolver } from "./model_paths.ts";
import { buildTokenizer, type ModelVocabulary, type OutputTokenizer } from "./output_tokenizer.ts";
import type { TokenizerRequest, TokenRequest } from "./tokenizer_request.ts";
import { readVocabulary, TOKENIZER_FILE } from "./vocabulary.ts";

export interface VocabularyPlan {
  readonly request: TokenizerRequest;
  readonly tokenizer: OutputTokenizer;
  /** Whose tokenizer files the output takes: the lead model, or the one that the request names. */
  readonly model: string;
  readonly folder: ModelFolder;
  /** Of its tokenizer.json. */
  readonly sha256: string;
  /** config.json beside them; null where there is none. */
  readonly configJson: JsonObject | null;
  /** Of the output's embedding, padding included. */
  readonly rows: number;
  /** Of every model that takes part in the merge. */
  readonly vocabularies: ReadonlyMap<string, ModelVocabulary>;
  /** Models without a tokenizer, taken to have the lead model's tokens. */
  readonly assumed: readonly string[];
}

export async function planVocabulary(
  request: TokenizerRequest,
  checkpoints: ReadonlyMap<string, Checkpoint>,
  lead: string,
  resolve: ModelResolver,
): Promise<VocabularyPlan> {
  const own = await readVocabulary(checkpoints.get(lead)!.folder);
  if (own === null) throw noTokenizer(lead);
  const vocabularies = new Map<string, ModelVocabulary>();
  const assumed: string[] = [];
  for (const [model, { folder, configJson }] of checkpoints) {
    const vocabulary = model === lead ? own : await readVocabulary(folder);
    if (vocabulary === null) assumed.push(model);
    const size = configJson.vocab_size;
    vocabularies.set(model, {
      model,
      vocabulary: vocabulary ?? own,
      size: typeof size === "number" ? size : Infinity,
    });
  }
  const { source } = request;
  const model = typeof source === "object" ? source.model : lead;
  const checkpoint = checkpoints.get(model);
  const folder = checkpoint?.folder ?? await ModelFolder.open(await resolve(model));
  const named = typeof source === "object" ? await readVocabulary(folder) : null;
  if (typeof source === "object" && named === null) throw noTokenizer(model);
  const tokenizer = buildTokenizer(request, vocabularies.get(lead)!, [...vocabularies.values()], named);
  const configJson = checkpoint?.configJson ?? await folder.readJson("config.json") ?? null;
  const rows = Math.ceil(lastId(tokenizer.ids) / request.multipleOf) * request.multipleOf;
  const { sha256 } = named ?? own;
  return { request, tokenizer, model, folder, sha256, configJson, rows, vocabularies, assumed };
}

function noTokenizer(model: string): MergeError {
  return new MergeError(
    `Cannot merge: tokenizer_source needs a ${TOKENIZER_FILE} with a vocabulary in model "${model}"`,
    { model, file: TOKENIZER_FILE },
  );
}

/** The number of rows that hold every id: more than there are tokens where ids have gaps. */
function lastId(ids: ReadonlyMap<string, number>): number {
  let rows = 0;
  for (const id of ids.values()) rows = Math.max(rows, id + 1);
  return rows;
}

/** An input of an embedding step: its model, and the rows its tensor has. */
export interface RowInput {
  readonly model: string;
  readonly rows: number;
}

/** Where the rows of a step come from; `base` is the index of the base model. What cannot be done goes to `problems`. */
export function planRows(
  plan: VocabularyPlan,
  inputs: readonly RowInput[],
  base: number | null,
  problems: string[],
): EmbeddingRows {
  const requests = new Map(plan.request.tokens.map((request) => [request.token, request]));
  const own = inputs.map(() => new Int32Array(plan.rows).fill(-1));
  const filled = new Map<number, readonly StoredRow[]>();
  for (const [token, row] of plan.tokenizer.ids) {
    const found = inputs.map((input) => rowOf(plan, input, token));
    const request = requests.get(token);
    const donors = request === undefined
      ? defaultRows(found, base)
      : requestedRows(plan, inputs, request, problems);
    for (const [input, at] of found.entries()) {
      if (at >= 0 && request?.force !== true) own[input]![row] = at;
      else filled.set(row, donors);
    }
  }
  return { rows: plan.rows, own, filled };
}

/** The row of a token in an input, or -1. */
function rowOf({ vocabularies }: VocabularyPlan, { model, rows }: RowInput, token: string): number {
  const { vocabulary, size } = vocabularies.get(model)!;
  const id = vocabulary.ids.get(token) ?? -1;
  return id < Math.min(size, rows) ? id : -1;
}

function defaultRows(found: readonly number[], base: number | null): readonly StoredRow[] {
  const present = found.flatMap((row, input) => row >= 0 ? [{ input, row }] : []);
  const fromBase = present.find(({ input }) => input === base);
  return fromBase === undefined ? present : [fromBase];
}

function requestedRows(
  plan: VocabularyPlan,
  inputs: readonly RowInput[],
  { token, origin }: TokenRequest,
  problems: string[],
): readonly StoredRow[] {
  if (origin.kind === "zero") return [];
  const input = inputs.findIndex(({ model }) => model === origin.model);
  if (input < 0) {
    problems.push(
      `the row of token "${token}" is to come from model "${origin.model}", which is no source there`,
    );
    return [];
  }
  const row = origin.kind === "id"
    ? origin.id
    : rowOf(plan, inputs[input]!, origin.kind === "token" ? origin.token : token);
  if (row >= 0 && row < inputs[input]!.rows) return [{ input, row }];
  const wanted = origin.kind === "id"
    ? `token id ${origin.id}`
    : `token "${origin.kind === "token" ? origin.token : token}"`;
  problems.push(`model "${origin.model}" has no row for ${wanted}, which token "${token}" is to take`);
  return [];
}
