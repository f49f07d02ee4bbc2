/**
 * What a configuration says about the output's vocabulary: whose tokens it has, and where the embedding rows of single
 * tokens come from. `tokenizer_source` is the short form of `tokenizer`; both at once are refused.
 */
import type { Cursor, RecordCursor } from "./config_cursor.ts";
import { readEach } from "./problems.ts";
import type { Path } from "./yaml_source.ts";

/** Where the embedding row of a token is taken from, before the merge. */
export type RowOrigin =
  | { readonly kind: "model"; readonly model: string }
  | { readonly kind: "token"; readonly model: string; readonly token: string }
  | { readonly kind: "id"; readonly model: string; readonly id: number }
  | { readonly kind: "zero" };

export interface TokenRequest {
  readonly token: string;
  readonly origin: RowOrigin;
  /** Whether models that have the token get that row too. */
  readonly force: boolean;
  readonly path: Path;
}

export interface TokenizerRequest {
  /** "base": the lead model's; "union": that and every token of the others; or the tokenizer of one model. */
  readonly source: "base" | "union" | { readonly model: string };
  readonly tokens: readonly TokenRequest[];
  /** The number of rows is a multiple of it. */
  readonly multipleOf: number;
  readonly path: Path;
}

const MAX_MULTIPLE = 1 << 16;
const MAX_TOKEN_ID = 1 << 24;

/** Of a document; `models` are those that take part in its merge, null where that cannot be told. Result null: nothing is said. */
export function parseTokenizerRequest(
  root: RecordCursor,
  models: ReadonlySet<string> | null,
): TokenizerRequest | null {
  if (root.has("tokenizer_source")) {
    const cursor = root.get("tokenizer_source");
    if (root.has("tokenizer")) throw cursor.fail('"tokenizer_source" and "tokenizer" exclude each other');
    return { source: parseSource(cursor), tokens: [], multipleOf: 1, path: cursor.path };
  }
  if (!root.has("tokenizer")) return null;
  const cursor = root.get("tokenizer");
  const request = cursor.record(["source", "tokens", "pad_to_multiple_of"]);
  return {
    source: request.has("source") ? parseSource(request.get("source")) : "union",
    tokens: request.has("tokens")
      ? readEach(request.get("tokens").entries(), ([token, entry]) => parseToken(token, entry, models))
      : [],
    multipleOf: request.has("pad_to_multiple_of")
      ? request.get("pad_to_multiple_of").integer(1, MAX_MULTIPLE)
      : 1,
    path: cursor.path,
  };
}

/** "model:" before a name is how mergekit of January 2024 wrote it. */
function parseSource(cursor: Cursor): TokenizerRequest["source"] {
  const model = cursor.model();
  if (model === "base" || model === "union") return model;
  return { model: model.startsWith("model:") ? model.slice("model:".length) : model };
}

function parseToken(token: string, cursor: Cursor, models: ReadonlySet<string> | null): TokenRequest {
  if (token === "") throw cursor.fail("a token needs at least one character");
  const entry = cursor.record(["source", "force"]);
  return {
    token,
    origin: parseOrigin(entry.at("source"), models),
    force: entry.has("force") ? entry.get("force").boolean() : false,
    path: cursor.path,
  };
}

function parseOrigin(cursor: Cursor, models: ReadonlySet<string> | null): RowOrigin {
  const merged = (at: Cursor) => {
    const model = at.model();
    if (models === null || models.has(model)) return model;
    throw at.fail(`model "${model}" takes no part in the merge, expected one of ${[...models].join(", ")}`);
  };
  if (!cursor.isMapping() || !cursor.entries().some(([key]) => key === "kind")) {
    return { kind: "model", model: merged(cursor) };
  }
  const origin = cursor.record(["kind", "model", "token", "token_id"]);
  const kind = origin.at("kind").string();
  if (kind === "zero") return { kind };
  if (kind !== "model_token") {
    throw origin.get("kind").fail(`kind is "${kind}", expected model_token or zero`);
  }
  if (origin.has("token") === origin.has("token_id")) {
    throw cursor.fail('expected exactly one of "token" and "token_id"');
  }
  const model = merged(origin.at("model"));
  return origin.has("token")
    ? { kind: "token", model, token: origin.get("token").string() }
    : { kind: "id", model, id: origin.get("token_id").integer(0, MAX_TOKEN_ID) };
}
