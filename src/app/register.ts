/**
 * Registers a checkpoint folder as a model: opens it (which checks it), hashes its files, notes its facts and, where it
 * was merged by this program, its provenance. The same folder with the same content is registered once; a folder that
 * has changed gets a new artifact, and what was generated before keeps pointing to the old one.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { CapacityError, ConfigError } from "../errors.ts";
import type { FileHash } from "../formats/artifact.ts";
import { openCheckpoint } from "../formats/checkpoint.ts";
import { quote } from "../formats/json.ts";
import { type Origin, readOrigin } from "../hub/origin.ts";
import type { MergeRecord } from "../merge/record.ts";
import type { Quantization } from "../model/runner.ts";
import { toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/models.ts";
import { oneActAtATime, recordAct } from "./audit.ts";
import { entryOf, servedContext } from "./catalogue.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { ModelLoader } from "./loading.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { type ModelFacts, readModelFacts } from "./model_facts.ts";
import { findMissingWeights } from "./weights.ts";
import { ensureMergeOfRecord } from "./merge_rows.ts";
import { readProvenance } from "./provenance_record.ts";
import type { ResidencyBoard } from "./residency.ts";
import type { Principal, ResidencyState } from "./types.ts";

export interface RegisterOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly board: ResidencyBoard;
  readonly loader: Pick<ModelLoader, "isBusy">;
  /** Where `models/<owner>/<name>` folders lie, which are named by their place. */
  readonly dataDir: string;
  /** How weights are held on the device. */
  readonly quantization: Quantization;
  /** Longest sequence to serve; a model with a shorter context serves its own. */
  readonly maxContextLength: number;
}

export interface RegisterInput {
  readonly path: string;
  readonly name?: string;
  readonly description?: string;
  /** How its weights are held on the device; as before where absent, and the gateway's default at first. */
  readonly quantization?: Quantization;
}

/** One or two parts as model hubs write them: `owner/name` or `name`. */
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/;
const MAX_DESCRIPTION_LENGTH = 100_000;

/** Throws what opening the folder throws, ConfigError for a name that is taken, CapacityError while it is in use. */
export async function registerModel(
  options: RegisterOptions,
  actor: Principal,
  input: RegisterInput,
): Promise<store.ModelRow> {
  const registration = await prepareRegistration(options, input);
  const { path, name, manifest } = registration;
  const row = await options.db.transaction().execute(async (trx) => {
    await oneActAtATime(trx);
    const row = await writeRegistration(options, trx, registration);
    const details = { name, path, manifestSha256: manifest.manifestSha256 };
    await recordAct(trx, {
      actor,
      at: options.clock.now(),
      action: "model.register",
      target: row.id,
      details,
    });
    return row;
  });
  await noteRegistered(options, row);
  return row;
}

/** All that is known of a folder before anything is written. */
export interface Registration {
  readonly path: string;
  readonly name: string;
  readonly description: string | null;
  readonly facts: ModelFacts;
  readonly manifest: Manifest;
  /** Null for a model that was not merged, or not by a tool whose record we read. */
  readonly record: MergeRecord | null;
  readonly quantization: Quantization | null;
  /** Where its files were pulled from. */
  readonly origin: Origin | null;
  /** Whether the description is the caller's own. */
  readonly isDescribed: boolean;
}

/** Throws ConfigError for one that is too long. */
export function checkDescription(name: string, description: string): void {
  if (description.length <= MAX_DESCRIPTION_LENGTH) return;
  throw new ConfigError(
    `Cannot describe "${name}": description has more than ${MAX_DESCRIPTION_LENGTH} characters`,
    { field: "description", found: description.length },
  );
}

/** Opens, checks and hashes the folder; with `hashes` that were taken just now, it is not read again. */
export async function prepareRegistration(
  options: Pick<RegisterOptions, "dataDir">,
  input: RegisterInput,
  hashes?: readonly FileHash[],
): Promise<Registration> {
  const path = resolve(input.path);
  const name = parseName(input.name ?? nameByPlace(path, options.dataDir));
  checkDescription(name, input.description ?? "");
  using checkpoint = await openCheckpoint(path);
  const facts = await readModelFacts(checkpoint);
  const manifest = await readManifest(checkpoint.folder, { ...(hashes && { hashes }) });
  const record = await readProvenance(checkpoint.folder, manifest);
  const { description = facts.description, quantization = null } = input;
  const origin = await readOrigin(checkpoint.folder);
  const isDescribed = input.description !== undefined;
  return { path, name, description, facts, manifest, record, quantization, origin, isDescribed };
}

/** Artifact, merge and model rows. Call it in a transaction, and {@link noteRegistered} after it. */
export async function writeRegistration(
  options: RegisterOptions,
  trx: Db,
  registration: Registration,
): Promise<store.ModelRow> {
  const { path, name, manifest, record } = registration;
  const now = toTime(options.clock.now());
  const artifactId = await store.ensureArtifact(
    trx,
    {
      id: options.ids(),
      manifest_sha256: manifest.manifestSha256,
      size_bytes: manifest.sizeBytes,
      created_at: now,
    },
    manifest.files.map((file) => ({
      path: file.path,
      size_bytes: BigInt(file.sizeBytes),
      sha256: file.sha256,
    })),
  );
  const known = await store.findModelRow(trx, name);
  if (known !== undefined) checkReplaceable(options, known, { path, artifactId, facts: registration.facts });
  const row: store.ModelRow = {
    id: known?.id ?? options.ids(),
    created_at: known?.created_at ?? now,
    artifact_id: artifactId,
    served_quantization: registration.quantization ?? known?.served_quantization ?? options.quantization,
    merge_id: record === null ? null : await ensureMergeOfRecord(trx, record, options),
    catalogue: known?.catalogue ?? null,
    recipe: known?.recipe ?? null,
    keep_alive_seconds: known?.keep_alive_seconds ?? null,
    pinned: known?.pinned ?? 0,
    removed_at: null,
    ...columns(options, registration, known),
  };
  if (known === undefined) await store.insertModel(trx, row);
  else await store.updateModel(trx, row.id, row);
  if (row.catalogue === null) {
    const parents = registration.facts.parents.map((name) => ({ name, isBase: false }));
    await store.replaceParents(trx, row.id, parents);
  }
  return row;
}

/** Weights that were missing may be back, and those that did not load have perhaps been replaced. */
export async function noteRegistered({ board }: RegisterOptions, row: store.ModelRow): Promise<void> {
  board.announce(row.id, "REGISTERED");
  await noteSound(board, row, ["MISSING_WEIGHTS", "FAILED"]);
}

/** COLD in place of one of these states where the files are there, unless somebody has begun to load it meanwhile. */
export async function noteSound(
  board: ResidencyBoard,
  row: store.ModelRow,
  states: readonly ResidencyState[],
): Promise<void> {
  const isToChange = () => states.includes(board.get(row.id).state);
  if (isToChange() && await findMissingWeights(row) === null && isToChange()) {
    board.set(row.id, { state: "COLD" });
  }
}

/** What the catalogue says of a model in words counts more than its folder's card. */
function columns(
  options: RegisterOptions,
  { path, name, description, facts, manifest, origin, isDescribed }: Registration,
  known: store.ModelRow | undefined,
) {
  const entry = known === undefined ? null : entryOf(known);
  const native = facts.nativeContextLength;
  return {
    name,
    path,
    file_stamps: toJson(manifest.stamps),
    author: entry?.author ?? (name.includes("/") ? name.slice(0, name.indexOf("/")) : null),
    architecture: facts.architecture,
    parameter_count: facts.parameterCount,
    license: entry?.license ?? facts.license,
    published_at: entry?.publishedAt ?? origin?.publishedAt ?? null,
    description: isDescribed ? description : entry?.description ?? description,
    native_context_length: native,
    served_context_length: servedContext(entry, native, options.maxContextLength),
    native_dtype: facts.nativeDtype,
    concurrency_cost: entry?.concurrencyCost ?? facts.concurrencyCost,
    checkpoint_sampling: toJson(facts.checkpointSampling),
    origin: origin === null ? null : toJson(origin),
  };
}

/** A name means one folder; other weights may not slip in under a name that is being served. */
function checkReplaceable(
  options: RegisterOptions,
  known: store.ModelRow,
  { path, artifactId, facts }: {
    readonly path: string;
    readonly artifactId: string;
    readonly facts: ModelFacts;
  },
): void {
  requireArchitecture(known, facts.architecture);
  if (!store.hasFolder(known) || known.removed_at !== null || known.artifact_id === artifactId) return;
  if (known.path !== path) {
    throw new ConfigError(
      `Cannot register "${path}" as "${known.name}": that is "${known.path}" with other weights. ` +
        "Remove it first (removeModel), or choose another name",
      {
        field: "name",
        found: known.name,
        path: known.path,
      },
    );
  }
  if (options.loader.isBusy(known.id)) {
    throw new CapacityError(
      `Cannot register "${known.name}" anew: its old weights are loaded. Unload it first`,
      {
        model: known.name,
      },
    );
  }
}

/** Throws ConfigError where the catalogue knows the name as a model of another architecture. */
export function requireArchitecture(known: store.ModelRow, found: string): void {
  const expected = entryOf(known)?.architecture ?? found;
  if (found === expected) return;
  throw new ConfigError(
    `Cannot take these weights as "${known.name}": their architecture is ${found}, the catalogue's ${expected}`,
    { field: "name", model: known.name, found, expected },
  );
}

/** The name, or ConfigError that says which `field` is none. */
export function parseName(name: string, field: "name" | "repository" = "name"): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new ConfigError(
    `Invalid ${field === "name" ? "model name" : field} ${quote(name)}: ` +
      'expected "name" or "owner/name" of letters, digits, ".", "_", "-"',
    { field, found: name.slice(0, 300) },
  );
}

/** What is nearest to `text` among names: folders may be called anything. */
export function toName(text: string): string {
  const parts = text.split("/").map((part) =>
    part.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "").slice(0, 80)
  );
  return parts.every((part) => part !== "") ? parts.join("/") : "model";
}

/** `<data>/models/a/b` is "a/b"; any other folder is called as itself. */
export function nameByPlace(path: string, dataDir: string): string {
  const inside = relative(join(resolve(dataDir), "models"), path);
  if (
    inside !== "" && !inside.startsWith("..") && dirname(dirname(inside)) === "." && dirname(inside) !== "."
  ) {
    return inside.split(sep).join("/");
  }
  return basename(path);
}
