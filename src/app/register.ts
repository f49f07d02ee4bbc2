/**
 * Registers a checkpoint folder as a model: opens it (which checks it), hashes its files, notes its facts and, where it
 * was merged by this program, its provenance. The same folder with the same content is registered once; a folder that
 * has changed gets a new artifact, and what was generated before keeps pointing to the old one.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { CapacityError, ConfigError } from "../errors.ts";
import { openCheckpoint } from "../formats/checkpoint.ts";
import type { Quantization } from "../model/runner.ts";
import { toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/models.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { ModelLoader } from "./loading.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { type ModelFacts, readModelFacts } from "./model_facts.ts";
import { findMissingWeights } from "./weights.ts";
import type { ResidencyBoard } from "./residency.ts";

export interface RegisterOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly board: ResidencyBoard;
  readonly loader: ModelLoader;
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
}

/** One or two parts as model hubs write them: `owner/name` or `name`. */
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/;
const MAX_DESCRIPTION_LENGTH = 100_000;

/** Throws what opening the folder throws, ConfigError for a name that is taken, CapacityError while it is in use. */
export async function registerModel(options: RegisterOptions, input: RegisterInput): Promise<store.ModelRow> {
  const path = resolve(input.path);
  const name = parseName(input.name ?? nameByPlace(path, options.dataDir));
  if ((input.description?.length ?? 0) > MAX_DESCRIPTION_LENGTH) {
    throw new ConfigError(
      `Cannot register "${name}": description has more than ${MAX_DESCRIPTION_LENGTH} characters`,
      {
        field: "description",
      },
    );
  }
  using checkpoint = await openCheckpoint(path);
  const facts = await readModelFacts(checkpoint);
  const manifest = await readManifest(checkpoint.folder);
  const row = await options.db.transaction().execute((trx) =>
    writeRows(options, trx, {
      path,
      name,
      description: input.description ?? facts.description,
      facts,
      manifest,
    })
  );
  if (options.board.get(row.id).state === "MISSING_WEIGHTS" && await findMissingWeights(row) === null) {
    options.board.set(row.id, { state: "COLD" });
  }
  return row;
}

interface Registration {
  readonly path: string;
  readonly name: string;
  readonly description: string | null;
  readonly facts: ModelFacts;
  readonly manifest: Manifest;
}

async function writeRows(
  options: RegisterOptions,
  trx: Db,
  registration: Registration,
): Promise<store.ModelRow> {
  const { name, manifest } = registration;
  const now = toTime(options.clock.now());
  const artifactId = await store.ensureArtifact(
    trx,
    {
      id: options.ids(),
      manifest_sha256: manifest.manifestSha256,
      size_bytes: manifest.sizeBytes,
      created_at: now,
    },
    manifest.files.map((file) => ({ path: file.path, size_bytes: file.sizeBytes, sha256: file.sha256 })),
  );
  const known = await store.findModel(trx, { name });
  if (known === undefined) {
    const row = {
      id: options.ids(),
      created_at: now,
      merge_id: null,
      ...columns(options, registration, artifactId),
    };
    await store.insertModel(trx, row);
    return row;
  }
  checkReplaceable(options, known, registration.path, artifactId);
  const row = { ...known, ...columns(options, registration, artifactId) };
  await store.updateModel(trx, known.id, row);
  return row;
}

function columns(
  options: RegisterOptions,
  { path, name, description, facts, manifest }: Registration,
  artifactId: string,
) {
  return {
    name,
    path,
    file_stamps: toJson(manifest.stamps),
    author: name.includes("/") ? name.slice(0, name.indexOf("/")) : null,
    architecture: facts.architecture,
    parameter_count: facts.parameterCount,
    license: facts.license,
    published_at: null,
    description,
    native_context_length: facts.nativeContextLength,
    served_context_length: Math.min(facts.nativeContextLength, options.maxContextLength),
    native_dtype: facts.nativeDtype,
    served_quantization: options.quantization,
    concurrency_cost: facts.concurrencyCost,
    checkpoint_sampling: toJson(facts.checkpointSampling),
    artifact_id: artifactId,
  };
}

/** A name means one folder; other weights may not slip in under a name that is being served. */
function checkReplaceable(
  options: RegisterOptions,
  known: store.ModelRow,
  path: string,
  artifactId: string,
): void {
  if (known.artifact_id === artifactId) return;
  if (known.path !== path) {
    throw new ConfigError(
      `Cannot register "${path}" as "${known.name}": that is "${known.path}" with other weights`,
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

function parseName(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new ConfigError(
    `Cannot register a model as ${
      JSON.stringify(name)
    }: expected "name" or "owner/name" of letters, digits, ".", "_", "-"`,
    { field: "name", found: name },
  );
}

/** `<data>/models/a/b` is "a/b"; any other folder is called as itself. */
function nameByPlace(path: string, dataDir: string): string {
  const inside = relative(join(resolve(dataDir), "models"), path);
  if (
    inside !== "" && !inside.startsWith("..") && dirname(dirname(inside)) === "." && dirname(inside) !== "."
  ) {
    return inside.split(sep).join("/");
  }
  return basename(path);
}
