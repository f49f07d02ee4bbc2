/**
 * The vocabulary of models: what is registered, whether it is on the device, and what may be done with it. Plain records,
 * as src/app/types.ts has them.
 */
import type { ErrorRecord } from "../errors.ts";
import type { Quantization } from "../model/runner.ts";
import type { ModelRef, Page, PageArgs, Principal } from "./common_types.ts";

export type ResidencyState = "MISSING_WEIGHTS" | "COLD" | "LOADING" | "WARM" | "UNLOADING" | "FAILED";
export interface Residency {
  readonly state: ResidencyState;
  /** 0 … 1 while loading, 1 when warm, otherwise 0. */
  readonly fraction: number;
  readonly stage: string | null;
  /** While loading. */
  readonly load: LoadFigures | null;
  readonly since: Date;
  readonly error: ErrorRecord | null;
}
/** How far a load is. */
export interface LoadFigures {
  /** CHECKING: whether the files are those that were registered; the others are the engine's. */
  readonly stage: string;
  /** 0 … 1 over the whole load. */
  readonly fraction: number;
  /** Of the tensors as they lie on disk; 0 of 0 until that is known. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Mean of this load so far; 0 before the first bytes. */
  readonly bytesPerSecond: number;
}
export type ModelNews = "RESIDENCY" | "PROGRESS" | "REGISTERED" | "UPDATED" | "REMOVED";
export interface ModelEvent {
  readonly modelId: string;
  readonly news: ModelNews | "INITIAL";
  readonly residency: Residency;
  readonly at: Date;
}
/** Hears every change, load progress included, in order. */
export type ResidencyListener = (modelId: string, residency: Residency, news: ModelNews) => void;
export interface ArtifactFile {
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly sha256: string;
}
export interface Artifact {
  readonly id: string;
  /** SHA-256 over the sorted lines "sha256  path\n" of all files. */
  readonly manifestSha256: string;
  readonly files: readonly ArtifactFile[];
  readonly sizeBytes: bigint;
}
export interface Model {
  readonly id: string;
  readonly name: string;
  readonly author: string | null;
  readonly task: "TEXT_GENERATION";
  readonly architecture: string;
  readonly parameterCount: bigint | null;
  readonly license: string | null;
  readonly publishedAt: Date | null;
  readonly description: string | null;
  readonly nativeContextLength: number;
  readonly servedContextLength: number;
  readonly nativeDtype: "FLOAT32" | "FLOAT16" | "BFLOAT16" | "FLOAT8_E4M3";
  readonly servedQuantization: Quantization;
  readonly concurrencyCost: number;
  readonly artifactId: string | null;
  readonly mergeId: string | null;
  readonly createdAt: Date;
  /** mergekit YAML that makes it, where that is known. */
  readonly recipe: string | null;
  readonly origin: ModelOrigin | null;
  /** Set for a model that was removed; what was generated with it still leads here. */
  readonly removedAt: Date | null;
  /** How long it stays on the device unused; null: the gateway's setting, -1: for ever. */
  readonly keepAliveSeconds: number | null;
  /** Neither leaves for being idle nor to make room. */
  readonly isPinned: boolean;
}
/** Where a model's files were pulled from. */
export interface ModelOrigin {
  readonly endpoint: string;
  readonly repository: string;
  /** Hash of the commit. */
  readonly revision: string;
}
export interface DeclaredParent {
  readonly name: string;
  readonly isBase: boolean;
  readonly modelId: string | null;
}

export interface ModelFilter {
  readonly nameContains?: string;
  readonly author?: string;
  readonly architecture?: string;
  readonly license?: string;
  /** Whether a known merge has made it. */
  readonly merged?: boolean;
  readonly state?: ResidencyState;
}
export interface ModelUseCases {
  get(ref: ModelRef): Promise<Model | null>;
  getMany(ids: readonly string[]): Promise<readonly (Model | null)[]>;
  list(
    page: PageArgs,
    where?: ModelFilter,
  ): Promise<Page<Model>>;
  residency(modelId: string): Residency;
  /** Dispose to stop. The listener must be quick and must not throw. */
  onResidencyChange(listener: ResidencyListener): Disposable;
  /**
   * What happens to models, for as long as the caller listens: first each as it is, then what changes. A reader that is
   * slow gets the latest of each model and never more than one event for each.
   */
  events(ref: ModelRef | null, options: { readonly signal?: AbortSignal }): AsyncIterable<ModelEvent>;
  artifact(artifactId: string): Promise<Artifact | null>;
  /** Those that its merge has read or, where no merge is known, those that recipe or card name. */
  parents(modelId: string): Promise<readonly Model[]>;
  /** As recipe or card name them, whether they are here or not. */
  declaredParents(modelId: string): Promise<readonly DeclaredParent[]>;
  descendants(modelId: string): Promise<readonly Model[]>;
  /** Reads config and hashes the files; idempotent for the same folder and content. */
  register(
    principal: Principal,
    input: { readonly path: string; readonly name?: string; readonly description?: string },
  ): Promise<Model>;
  load(principal: Principal, ref: ModelRef): Promise<Model>;
  unload(principal: Principal, ref: ModelRef): Promise<Model>;
  /** Admins. What is absent stays. */
  update(
    principal: Principal,
    ref: ModelRef,
    change: {
      readonly description?: string;
      readonly keepAliveSeconds?: number | null;
      readonly isPinned?: boolean;
    },
  ): Promise<Model>;
  /**
   * Admins. Takes it off the device and out of the registry; refuses while a generation uses it. A model of the catalogue
   * loses its weights and stays as an entry; without weights it goes, too. Files are deleted only on request, and only
   * where they lie in the gateway's own library.
   */
  remove(
    principal: Principal,
    ref: ModelRef,
    options?: { readonly deleteFiles?: boolean },
  ): Promise<Model>;
}
