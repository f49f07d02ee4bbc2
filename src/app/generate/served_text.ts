/**
 * The text side of a model: its tokenizer and the ids at which it stops, read from its folder when first needed and
 * kept for the artifacts used last. It never touches the device, so prompts can be checked while a model is cold.
 */
import { type Checkpoint, openCheckpoint } from "../../formats/checkpoint.ts";
import type { Db } from "../../store/database.ts";
import { hasFolder, type ModelRow } from "../../store/models.ts";
import { findTokenizer, type Tokenizer } from "../../tokenizer/tokenizer.ts";
import { readTexts, withoutWeights } from "../weights.ts";

export interface ServedText {
  /** Null for a folder without one: such a model takes token ids and gives no text. */
  readonly tokenizer: Tokenizer | null;
  readonly eosTokenIds: readonly number[];
  /** Rows of the embedding: prompt ids are below. */
  readonly vocabSize: number;
}

/** A tokenizer of 32,000 tokens takes some 20 MB. */
const KEPT = 8;

export class ServedTexts {
  readonly #opened = new Map<string, Promise<ServedText>>();
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * Throws what opening the folder throws, and NotFoundError without one, or where it is not what was registered: an
   * answer names the exact files behind it. A failure is not remembered.
   */
  open(model: ModelRow): Promise<ServedText> {
    if (!hasFolder(model)) return Promise.reject(withoutWeights(model));
    const key = `${model.artifact_id} ${model.path}`;
    const text = this.#opened.get(key) ?? this.#read(key, model);
    this.#opened.delete(key);
    this.#opened.set(key, text);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > KEPT && oldest !== undefined) this.#opened.delete(oldest);
    return text;
  }

  #read(key: string, model: ModelRow): Promise<ServedText> {
    const text = readTexts(this.#db, model, () => readServedText(model.path));
    text.catch(() => this.#opened.delete(key));
    return text;
  }
}

async function readServedText(path: string): Promise<ServedText> {
  using checkpoint = await openCheckpoint(path);
  return await servedTextOf(checkpoint);
}

/** The text side of an open checkpoint. */
export async function servedTextOf(checkpoint: Checkpoint): Promise<ServedText> {
  const { config, generationConfig, folder } = checkpoint;
  const recommended = generationConfig?.eosTokenIds ?? [];
  return {
    tokenizer: await findTokenizer(folder) ?? null,
    // As transformers does: generation_config.json is the newer word on when to stop.
    eosTokenIds: recommended.length > 0 ? recommended : config.eosTokenIds,
    vocabSize: config.vocabSize,
  };
}
