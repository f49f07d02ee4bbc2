/**
 * The models that Geodesic knows before anybody has brought their weights: one Markdown file each, `<owner>/<name>.md`,
 * the front matter being the facts and the rest the card. They are written into the registry at every start. Whose
 * weights arrive later (pulled, registered, merged) keeps the catalogue's words; what the weights say of themselves
 * counts more than what the entry says of them.
 */
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.ts";
import { manifestSha256 } from "../formats/artifact.ts";
import type { MergeConfig } from "../merge/merge_config.ts";
import { parseMergeConfig } from "../merge/config.ts";
import { modelNames } from "../merge/plan.ts";
import type { Quantization } from "../model/runner.ts";
import { fromJsonOrNull, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/models.ts";
import { oneActAtATime } from "./audit.ts";
import { MAX_CARD_BYTES, parseCard } from "./card.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { Model } from "./types.ts";

export interface CatalogueEntry {
  readonly name: string;
  readonly author: string;
  readonly license: string | null;
  readonly publishedAt: string;
  /** Markdown. */
  readonly description: string | null;
  readonly architecture: string;
  readonly parameterCount: bigint;
  readonly nativeContextLength: number;
  /** Null: as long as gateway and weights allow. */
  readonly servedContextLength: number | null;
  readonly nativeDtype: Model["nativeDtype"];
  readonly quantization: Quantization;
  readonly concurrencyCost: number;
  /** mergekit YAML. */
  readonly recipe: string | null;
  readonly parents: readonly { readonly name: string; readonly isBase: boolean }[];
}

const DTYPES = { float32: "FLOAT32", float16: "FLOAT16", bfloat16: "BFLOAT16" } as const;
const count = z.number().int().positive();
const FRONT_MATTER = z.object({
  license: z.string(),
  published: z.iso.date(),
  architecture: z.string().regex(/^\w{1,100}$/),
  parameters: count,
  native_context: count,
  served_context: count.optional(),
  native_dtype: z.enum(["float32", "float16", "bfloat16"]),
  quantization: z.enum(["none", "fp8"]),
  concurrency_cost: count.max(64),
  recipe: z.string().optional(),
});

/** Every entry of a folder, by name. Throws ConfigError that names the file and the field. */
export async function readCatalogue(dir: string): Promise<readonly CatalogueEntry[]> {
  const entries: CatalogueEntry[] = [];
  for await (const owner of Deno.readDir(dir)) {
    if (!owner.isDirectory) continue;
    for await (const file of Deno.readDir(join(dir, owner.name))) {
      if (!file.isFile || !file.name.endsWith(".md")) continue;
      entries.push(await readEntry(join(dir, owner.name, file.name), owner.name, file.name.slice(0, -3)));
    }
  }
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function readEntry(path: string, author: string, title: string): Promise<CatalogueEntry> {
  const text = await Deno.readTextFile(path);
  if (text.length > MAX_CARD_BYTES) throw new ConfigError(`Cannot read "${path}": it is too long`, { path });
  const card = parseCard(text);
  const parsed = FRONT_MATTER.safeParse(card.frontMatter);
  if (!parsed.success) {
    const { path: field, message } = parsed.error.issues[0]!;
    throw new ConfigError(`Cannot read "${path}": ${field.join(".")}: ${message}`, {
      path,
      field: field.join("."),
    });
  }
  const facts = parsed.data;
  const recipe = facts.recipe === undefined
    ? null
    : await Deno.readTextFile(resolve(dirname(path), facts.recipe));
  const merge = recipe === null ? null : parseMergeConfig(recipe, facts.recipe!);
  return {
    name: `${author}/${title}`,
    author,
    license: facts.license,
    publishedAt: `${facts.published}T00:00:00.000Z`,
    description: card.description,
    architecture: facts.architecture,
    parameterCount: BigInt(facts.parameters),
    nativeContextLength: facts.native_context,
    servedContextLength: facts.served_context ?? null,
    nativeDtype: DTYPES[facts.native_dtype],
    quantization: facts.quantization,
    concurrencyCost: facts.concurrency_cost,
    recipe,
    parents: merge === null ? card.parents.map((name) => ({ name, isBase: false })) : parentsOfRecipe(merge),
  };
}

/** Those that the recipe reads, the base first; what its own documents make is none of them. */
export function parentsOfRecipe(
  config: MergeConfig,
): readonly { readonly name: string; readonly isBase: boolean }[] {
  const made = new Set(config.before.map(({ name }) => name));
  const names = new Set([config, ...config.before].flatMap(modelNames).filter((name) => !made.has(name)));
  return [...names].map((name) => ({ name, isBase: name === config.baseModel }))
    .sort((a, b) => Number(b.isBase) - Number(a.isBase));
}

export interface SeedOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly maxContextLength: number;
}

/** Adds what is new, follows what has changed, and leaves alone what an admin has removed. */
export async function seedCatalogue(options: SeedOptions, entries: readonly CatalogueEntry[]): Promise<void> {
  const { db } = options;
  for (const entry of entries) {
    if (isSettled(await store.findModelRow(db, entry.name), entry)) continue;
    await db.transaction().execute(async (trx) => {
      await oneActAtATime(trx); // several gateways may start at once
      const known = await store.findModelRow(trx, entry.name);
      if (isSettled(known, entry)) return;
      const id = known?.id ?? options.ids();
      const words = {
        author: entry.author,
        license: entry.license,
        published_at: entry.publishedAt,
        description: entry.description,
        recipe: entry.recipe,
        catalogue: toJson(entry),
      };
      if (known === undefined) {
        await store.insertModel(trx, { ...await rowWithoutWeights(options, trx, entry), ...words, id });
      } else {
        const served = servedContext(entry, known.native_context_length, options.maxContextLength);
        const facts = store.hasFolder(known)
          ? { served_context_length: served, concurrency_cost: entry.concurrencyCost }
          : factsOf(options, entry);
        await store.updateModel(trx, id, { ...facts, ...words });
      }
      await store.replaceParents(trx, id, entry.parents);
    });
  }
}

/** Whether the row has the entry's words already, or is somebody's own model that happens to have its name. */
function isSettled(known: store.ModelRow | undefined, entry: CatalogueEntry): boolean {
  if (known === undefined) return false;
  return known.catalogue === toJson(entry) ||
    store.hasFolder(known) && known.architecture !== entry.architecture;
}

/** What the entry of a row says; null for a model that is in no catalogue. */
export function entryOf(row: Pick<store.ModelRow, "catalogue">): CatalogueEntry | null {
  return fromJsonOrNull<CatalogueEntry>(row.catalogue);
}

/** The facts of a model whose weights are not here. */
export function factsOf({ maxContextLength }: Pick<SeedOptions, "maxContextLength">, entry: CatalogueEntry) {
  return {
    architecture: entry.architecture,
    parameter_count: entry.parameterCount,
    native_context_length: entry.nativeContextLength,
    served_context_length: servedContext(entry, entry.nativeContextLength, maxContextLength),
    native_dtype: entry.nativeDtype,
    served_quantization: entry.quantization,
    concurrency_cost: entry.concurrencyCost,
    checkpoint_sampling: "{}",
  };
}

/** The shortest of what the weights can, the gateway offers, and the catalogue says. */
export function servedContext(entry: CatalogueEntry | null, native: number, offered: number): number {
  return Math.min(native, offered, entry?.servedContextLength ?? Infinity);
}

async function rowWithoutWeights(options: SeedOptions, trx: Db, entry: CatalogueEntry) {
  const createdAt = toTime(options.clock.now());
  return {
    name: entry.name,
    ...factsOf(options, entry),
    ...await noWeights(options, trx),
    created_at: createdAt,
    origin: null,
    removed_at: null,
    keep_alive_seconds: null,
    pinned: 0,
  };
}

/** The columns of a model without weights: no folder, the manifest of no files. */
export async function noWeights({ clock, ids }: Pick<SeedOptions, "clock" | "ids">, trx: Db) {
  const artifactId = await store.ensureArtifact(trx, {
    id: ids(),
    manifest_sha256: manifestSha256([]),
    size_bytes: 0n,
    created_at: toTime(clock.now()),
  }, []);
  return { path: "", file_stamps: "{}", artifact_id: artifactId, merge_id: null };
}
