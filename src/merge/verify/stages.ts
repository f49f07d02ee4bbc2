/**
 * A merge of several documents held against its parents: the documents before the last are planned again one after the
 * other, each in a folder that has its configuration, its tokenizer and a weight file with a header and nothing behind
 * it, which is all that planning the next one needs. Then the tensors that are wanted are merged into those files,
 * whole tensors in memory one step at a time. The file is sparse: it takes as much disk as was merged.
 */
import { dirname, join } from "node:path";
import { GeodesicError } from "../../errors.ts";
import { requireFreeSpace } from "../../formats/free_space.ts";
import { layOutShard, planShards, type ShardLayout } from "../../formats/shard_plan.ts";
import { SyncFile } from "../../formats/sync_file.ts";
import { toWriteError } from "../../formats/write_error.ts";
import type { ArchitectureDefinition } from "../architecture_definition.ts";
import type { MergeConfig } from "../merge_config.ts";
import { parseMergeConfig } from "../config.ts";
import type { ModelResolver } from "../model_paths.ts";
import { type MergePlan, planMerge, type PlannedStep } from "../plan.ts";
import { outputConfigJson } from "../output_config.ts";
import type { MergeRecord, SourceRecord, StageRecord } from "../record.ts";
import { bytesOf } from "../step.ts";
import { companionFiles } from "../tokenizer_files.ts";
import { contradictions, sizeOf } from "./files.ts";
import type { Mismatch } from "./mismatch.ts";
import { verifyTokenizer } from "./parameters.ts";
import { compareTensor, remakeTensor } from "./tensors.ts";

export interface ReplayOptions {
  /** Where the parents lie. */
  readonly resolve: ModelResolver;
  readonly architectures: readonly ArchitectureDefinition[];
  /** The merged model; the stages lie beside it, as they did when it was merged. */
  readonly dir: string;
  readonly signal?: AbortSignal;
}

interface Stage {
  readonly name: string;
  readonly plan: MergePlan;
  readonly layout: ShardLayout;
  readonly path: string;
  /** What the record says of it; undefined where it says nothing. */
  readonly record: MergeRecord | undefined;
}

/** The plans of a recorded merge and, of several documents, the folders between them. Goes with all of them. */
export class Replay implements AsyncDisposable {
  /** Of the document that made the output. */
  readonly plan: MergePlan;
  readonly #stages: readonly Stage[];
  readonly #owned: AsyncDisposableStack;

  private constructor(plan: MergePlan, stages: readonly Stage[], owned: AsyncDisposableStack) {
    this.plan = plan;
    this.#stages = stages;
    this.#owned = owned;
  }

  /** Throws GeodesicError where the recorded configuration does not fit these parents. */
  static async open(record: MergeRecord, options: ReplayOptions): Promise<Replay> {
    await using owned = new AsyncDisposableStack();
    const config = parseMergeConfig(record.configuration.text, "recorded configuration");
    const places = new Map<string, string>();
    const resolve: ModelResolver = (name) => {
      const place = places.get(name);
      return place === undefined ? options.resolve(name) : Promise.resolve(place);
    };
    const planAgain = async (document: MergeConfig) =>
      owned.use(
        await planMerge(document, resolve, {
          architectures: options.architectures,
          ...(options.signal && { signal: options.signal }),
        }),
      );
    const stages: Stage[] = [];
    const root = config.before.length === 0 ? "" : await temporaryFolder(options.dir, owned);
    for (const [i, document] of config.before.entries()) {
      const name = document.name!; // only named documents are needed by others
      const plan = await planAgain(document);
      const place = join(root, String(i));
      const recorded = record.stages?.find((stage) => stage.name === name)?.record;
      stages.push({ name, plan, record: recorded, ...await layOut(plan, place) });
      places.set(name, place);
    }
    return new Replay(await planAgain(config), stages, owned.move());
  }

  /** What the record, and those of the stages, say of their vocabularies. */
  *verifyTokenizers(record: MergeRecord): Generator<Mismatch> {
    yield* verifyTokenizer(record, this.plan);
    for (const { name: stage, plan, record } of this.#stages) {
      if (record === undefined) continue; // verifyParameters() says so
      for (const mismatch of verifyTokenizer(record, plan)) yield { ...mismatch, stage };
    }
  }

  /** What merging the stages' tensors takes that the output's tensors of these names come from; all without names. */
  neededBy(outputs: ReadonlySet<string> | null): StageWork {
    const needed = new Map(this.#stages.map(({ name }) => [name, new Set<string>()]));
    const need = ({ steps }: MergePlan, names: ReadonlySet<string>) => {
      for (const { inputs } of steps.filter((step) => names.has(step.name))) {
        for (const { model, tensor } of inputs) needed.get(model)?.add(tensor.name);
      }
    };
    if (outputs !== null) {
      need(this.plan, outputs);
      for (const { name, plan } of this.#stages.toReversed()) need(plan, needed.get(name)!);
    }
    const work = this.#stages.map((stage) => ({
      stage,
      steps: stage.plan.steps.filter((step) => outputs === null || needed.get(stage.name)!.has(step.name)),
    }));
    return { work, bytes: sum(work.map(({ steps }) => sum(steps.map(bytesOf)))) };
  }

  /** Merges those tensors, and tells what differs from the record. */
  async *remake(
    { work, bytes }: StageWork,
    { signal, onTensor }: {
      readonly signal?: AbortSignal;
      readonly onTensor: (stage: string, tensor: string, bytes: number) => void;
    },
  ): AsyncGenerator<Mismatch> {
    const [first] = work;
    if (first !== undefined) await requireFreeSpace(dirname(first.stage.path), bytes, first.stage.path);
    for (const { stage, steps } of work) {
      const { name, plan, record, path, layout } = stage;
      using file = SyncFile.open(path, "write");
      const recorded = new Map(record?.tensors.map((tensor) => [tensor.name, tensor]));
      const offsets = new Map(plan.steps.map((step, i) => [step.name, layout.offsets[i]!]));
      for (const step of steps) {
        onTensor(name, step.name, bytesOf(step));
        let at = offsets.get(step.name)!;
        const again = await remakeTensor(plan, step, {
          ...(signal && { signal }),
          write: (block) => {
            file.write(at, block);
            at += block.byteLength;
          },
        });
        const claimed = recorded.get(step.name);
        const found = again.outputSha256;
        if (record !== undefined && claimed === undefined) {
          yield {
            ...{ kind: "TENSOR_MISSING" as const, subject: step.name, field: null },
            ...{ expected: found, found: null, stage: name },
          };
        } else if (claimed !== undefined) {
          const fields = ["dtype", "shape", "mode", "cosine", "seed", "inputs"] as const;
          for (const mismatch of compareTensor(again, claimed, { found: claimed.outputSha256, fields })) {
            yield { ...mismatch, stage: name };
          }
        }
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

/** Tensors of stages that are to be merged again. */
export interface StageWork {
  readonly work: readonly { readonly stage: Stage; readonly steps: readonly PlannedStep[] }[];
  readonly bytes: number;
}

/**
 * What the records of the stages say against each other, without any parent: each comes from the one configuration, is
 * what its own manifest says, and is what the documents after it were merged from, all of them from the same parents.
 */
export function* verifyStageRecords(record: MergeRecord): Generator<Mismatch> {
  const stages = record.stages ?? [];
  const known = new Map<string, Pick<SourceRecord, "files" | "manifestSha256">>(
    stages.map(({ name, record }) => [name, record.artifact]),
  );
  const documents: readonly (StageRecord | { readonly name: null; readonly record: MergeRecord })[] = [
    ...stages,
    { name: null, record },
  ];
  for (const { name, record: { artifact, configuration, sources } } of documents) {
    const stage = name === null ? {} : { stage: name };
    if (name !== null) {
      const parts = [
        ["artifact", artifact] as const,
        ...sources.map((each) => [`model "${each.name}"`, each] as const),
      ];
      for (const [subject, part] of parts) {
        for (const mismatch of contradictions(subject, part)) yield { ...mismatch, ...stage };
      }
      const { text, sha256 } = record.configuration;
      if (configuration.text !== text || configuration.sha256 !== sha256) {
        const [subject, expected] = ["the record's configuration text", record.configuration.sha256];
        const found = configuration.sha256;
        yield { kind: "CONFIGURATION", subject, field: null, expected, found, ...stage };
      }
    }
    for (const source of sources) {
      const before = known.get(source.name) ?? source;
      known.set(source.name, before);
      const [is, was] = [source, before].map(({ manifestSha256, files }) => ({
        manifest: manifestSha256,
        sizeBytes: String(sizeOf(files)),
      }));
      const field = (["manifest", "sizeBytes"] as const).find((field) => is![field] !== was![field]);
      if (field === undefined) continue;
      const [expected, found] = [was![field], is![field]];
      yield { kind: "SOURCE_HASH", subject: source.name, field, expected, found, ...stage };
    }
  }
}

async function temporaryFolder(dir: string, owned: AsyncDisposableStack): Promise<string> {
  try {
    const path = await Deno.makeTempDir({ dir: dirname(dir), prefix: ".verify-" });
    owned.defer(() => Deno.remove(path, { recursive: true }));
    return path;
  } catch (error) {
    throw toWriteError(error, dirname(dir));
  }
}

/** What the planning of the documents after this one reads. */
async function layOut(plan: MergePlan, place: string): Promise<Pick<Stage, "layout" | "path">> {
  const [shard] = planShards(plan.steps, Infinity);
  const layout = layOutShard(shard!);
  const path = join(place, shard!.file);
  try {
    await Deno.mkdir(place);
    await Deno.writeFile(path, layout.header);
    await Deno.truncate(path, layout.sizeBytes);
    await Deno.writeTextFile(join(place, "config.json"), outputConfigJson(plan));
    for (const { name, content } of await companionFiles(plan)) {
      const file = join(place, name);
      if (typeof content === "string") await Deno.writeTextFile(file, content);
      else await Deno.writeFile(file, content);
    }
  } catch (error) {
    if (error instanceof GeodesicError) throw error;
    throw toWriteError(error, place);
  }
  return { layout, path };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
