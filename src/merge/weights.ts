/**
 * The weights of a merge: takes up what a merge that died had finished, has worker threads make the rest, and hashes
 * sources and results on the way. Ends with every weight file complete, flushed and hashed, or with an error.
 */
import { type FileHash } from "../formats/artifact.ts";
import { requireFreeSpace } from "../formats/free_space.ts";
import { layOutShard, planShards, type ShardLayout, type ShardPlan } from "../formats/shard_plan.ts";
import type { StagedFolder } from "../formats/staged_folder.ts";
import { type FinishedShard, Journal, mergeFingerprint, type TensorOutcome } from "./journal.ts";
import { OutputShard } from "./output_shards.ts";
import type { MergePlan, PlannedStep } from "./plan.ts";
import { type MergeProgress, ProgressMeter } from "./progress_meter.ts";
import type { TensorRecord } from "./record.ts";
import { chooseThreads, type ResourceLimits, selectionBytesOf } from "./resources.ts";
import { assertUnchanged, changed, hashesByModel, listSources, type SourceFileInfo } from "./sources.ts";
import { bytesOf, tensorRecord } from "./step.ts";
import { carryOut } from "./work/carry_out.ts";
import { WorkerPool } from "./work/pool.ts";
import type { Outcome, Task } from "./work/protocol.ts";
import { type OutputFile, Schedule } from "./work/schedule.ts";

export interface MergeWeightsOptions extends ResourceLimits {
  readonly shardBytes: number;
  readonly onProgress?: (progress: MergeProgress) => void;
  readonly signal?: AbortSignal;
}

export interface MergedWeights {
  readonly shards: readonly ShardPlan[];
  readonly files: readonly FileHash[];
  readonly tensors: readonly TensorRecord[];
  /** Of every source model, by name. */
  readonly sourceFiles: ReadonlyMap<string, readonly FileHash[]>;
}

interface Shard {
  readonly plan: ShardPlan;
  readonly steps: readonly PlannedStep[];
  readonly layout: ShardLayout;
}

/** Writes into `folder`, where the journal stays until all else is written too (see {@link removeJournal}). */
export async function mergeWeights(
  plan: MergePlan,
  folder: StagedFolder,
  options: MergeWeightsOptions,
): Promise<MergedWeights> {
  const sources = await listSources(plan);
  const plans = planShards(plan.steps, options.shardBytes);
  using journal = await Journal.open(folder, mergeFingerprint(plan, plans, sources));
  const shards = splitSteps(plans, plan.steps);
  const outputBytes = plan.steps.reduce((sum, step) => sum + bytesOf(step), 0);
  const work = { outputBytes, selectionBytes: selectionBytesOf(plan) };
  await using pool = new WorkerPool(chooseThreads(options, work), {
    method: plan.method.name,
    files: new Map([...plan.checkpoints].map(([model, checkpoint]) => [model, checkpoint.weightPaths])),
  });
  const run = new MergeRun(plan, folder, journal, pool, options);
  const finished = await run.checkFinished(shards);
  const rest = shards.filter(({ plan }) => !finished.has(plan.file));
  await requireFreeSpace(
    folder.pathOf("."),
    rest.reduce((sum, { layout }) => sum + layout.sizeBytes, 0),
    folder.target,
  );
  const { made, hashes } = await run.make(rest, sources);
  await assertUnchanged(sources);

  const outcomes = new Map([...finished, ...made]);
  return {
    shards: plans,
    files: shards.map(({ plan: { file }, layout: { sizeBytes } }) => ({
      path: file,
      sizeBytes,
      sha256: outcomes.get(file)!.sha256,
    })),
    tensors: shards.flatMap(({ plan: { file }, steps }) => {
      const { tensors } = outcomes.get(file)!;
      return steps.map((step, i) => tensorRecord(step, tensors[i]!, tensors[i]!.sha256));
    }),
    sourceFiles: hashesByModel(sources, hashes),
  };
}

/** Shards hold the steps in order. */
function splitSteps(plans: readonly ShardPlan[], steps: readonly PlannedStep[]): readonly Shard[] {
  let at = 0;
  return plans.map((plan) => {
    const own = steps.slice(at, at += plan.tensors.length);
    return { plan, steps: own, layout: layOutShard(plan) };
  });
}

type Shards = ReadonlyMap<string, FinishedShard>;

/** What the parts of one merge share. */
class MergeRun {
  constructor(
    readonly plan: MergePlan,
    readonly folder: StagedFolder,
    readonly journal: Journal,
    readonly pool: WorkerPool,
    readonly options: MergeWeightsOptions,
  ) {}

  /** The shards that the journal calls finished and whose files are what it says; other files of it are removed. */
  async checkFinished(shards: readonly Shard[]): Promise<Shards> {
    const { journal, folder, options } = this;
    const claimed = shards.filter(({ plan: { file } }) => journal.shards.has(file));
    const sound: Shard[] = [];
    for (const shard of claimed) {
      const info = await Deno.stat(folder.pathOf(shard.plan.file)).catch(() => null);
      const { tensors } = journal.shards.get(shard.plan.file)!;
      if (info?.size === shard.layout.sizeBytes && tensors.length === shard.steps.length) sound.push(shard);
      else if (info !== null) await folder.removeFile(shard.plan.file);
    }
    const finished = new Map<string, FinishedShard>();
    if (sound.length === 0) return finished;
    const bytes = sound.reduce((sum, { layout }) => sum + layout.sizeBytes, 0);
    const totals = { bytes, tensors: this.plan.steps.length, doneTensors: 0 };
    const meter = new ProgressMeter(options.onProgress, "hashing", totals);
    const files = sound.map(({ plan: { file }, layout: { sizeBytes } }) => ({
      stream: file,
      path: folder.pathOf(file),
      sizeBytes,
    }));
    const damaged: string[] = [];
    await carryOut(this.pool, new Schedule(files, []), {
      onBytes: (task, bytes) => meter.add(nameOf(task), bytes),
      onDone: (task, outcome) => {
        if (outcome.type !== "hashed" || outcome.sha256 === null) return;
        const file = nameOf(task);
        const entry = journal.shards.get(file)!;
        if (outcome.sha256 === entry.sha256) finished.set(file, entry);
        else damaged.push(file);
      },
    }, options.signal);
    for (const file of damaged) await folder.removeFile(file);
    return finished;
  }

  /** Makes `shards` and hashes them and all sources. */
  async make(
    shards: readonly Shard[],
    sources: readonly SourceFileInfo[],
  ): Promise<{ readonly made: Shards; readonly hashes: ReadonlyMap<string, string> }> {
    const { journal, folder, options, plan } = this;
    using outputs = new DisposableStack();
    const byStream = new Map<string, MakingShard>();
    for (const shard of shards) {
      const output = outputs.use(await OutputShard.create(folder, shard.plan, shard.layout));
      byStream.set(shard.plan.file, new MakingShard(shard, output, journal));
    }
    const steps = shards.flatMap((shard) => shard.steps);
    const meter = new ProgressMeter(options.onProgress, "merging", {
      bytes: steps.reduce((sum, step) => sum + bytesOf(step), 0),
      tensors: plan.steps.length,
      doneTensors: plan.steps.length - steps.length,
    });
    const making = [...byStream.values()];
    const shardOf = new Map(making.flatMap((shard) => shard.tasks.map((task) => [task, shard] as const)));
    const sourceOf = new Map(sources.map((source) => [source.key, source]));
    const hashes = new Map<string, string>();
    const endings: Promise<void>[] = [];
    const controller = new AbortController(); // a flush that fails stops the rest
    const ending = (work: Promise<void>) => {
      endings.push(work);
      work.catch((error) => controller.abort(error));
    };
    const onDone = (task: Task, outcome: Outcome) => {
      if (task.type === "step" && outcome.type === "mixed") {
        const { type: _, ...facts } = outcome;
        shardOf.get(task)!.tensorDone(task, facts);
        meter.tensorDone(task.step.name);
      } else if (task.type === "hash" && outcome.type === "hashed" && outcome.sha256 !== null) {
        const output = byStream.get(task.stream);
        if (output !== undefined) return ending(output.finish(outcome.sha256));
        const { key, model, name } = sourceOf.get(task.stream)!;
        const before = journal.sources.get(key);
        if (before !== undefined && before !== outcome.sha256) {
          throw changed(model, name, "since the merge that is being resumed");
        }
        hashes.set(key, outcome.sha256);
        ending(journal.add({ kind: "source", key, sha256: outcome.sha256 }));
      }
    };
    const onBytes = (task: Task, bytes: number) => {
      if (task.type !== "step") return;
      shardOf.get(task)!.output.wrote(bytes);
      meter.add(task.step.name, bytes);
    };
    const schedule = new Schedule(
      sources.map(({ key, path, sizeBytes }) => ({ stream: key, path, sizeBytes })),
      making.map((shard) => shard.file),
    );
    const signal = AbortSignal.any([controller.signal, ...(options.signal ? [options.signal] : [])]);
    try {
      await carryOut(this.pool, schedule, { onBytes, onDone }, signal);
    } finally {
      await Promise.allSettled(endings); // before their files are closed
    }
    await Promise.all(endings);
    return { made: new Map(making.map(({ finished }) => [finished!.file, finished!])), hashes };
  }
}

/** A shard that is being made: its tasks, and what has come of them. */
class MakingShard {
  readonly output: OutputShard;
  readonly file: OutputFile;
  finished: FinishedShard | undefined;
  readonly #journal: Journal;
  readonly #outcomes = new Map<Task, TensorOutcome>();

  constructor({ plan, steps, layout }: Shard, output: OutputShard, journal: Journal) {
    this.output = output;
    this.#journal = journal;
    this.file = {
      stream: plan.file,
      path: output.path,
      sizeBytes: layout.sizeBytes,
      headerBytes: layout.header.byteLength,
      steps: steps.map((step, i) => ({
        task: { type: "step", step, path: output.path, offset: layout.offsets[i]! },
        bytes: bytesOf(step),
      })),
    };
  }

  get tasks(): readonly Task[] {
    return this.file.steps.map(({ task }) => task);
  }

  tensorDone(task: Task, outcome: TensorOutcome): void {
    this.#outcomes.set(task, outcome);
  }

  /** Brings the file to disk, and then writes down that it is. */
  async finish(sha256: string): Promise<void> {
    const tensors = this.tasks.map((task) => this.#outcomes.get(task)!);
    this.finished = { kind: "shard", file: this.file.stream, sha256, tensors };
    await this.output.finish();
    await this.#journal.add(this.finished);
  }
}

function nameOf(task: Task): string {
  return task.type === "hash" ? task.stream : task.step.name;
}
