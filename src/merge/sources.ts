/**
 * The files of the models that go into a merge: which are hashed, in what order, and whether they are still the files
 * they were. A merge reads a source twice (to mix it, to hash it), so a file that changes in between would make the
 * record a lie: size, modification time and inode must be the same before and after.
 */
import { MergeError } from "../errors.ts";
import { type FileHash, isArtifactFile } from "../formats/artifact.ts";
import type { MergePlan } from "./plan.ts";

export interface SourceFileInfo {
  /** Unique among the sources of a merge. */
  readonly key: string;
  readonly model: string;
  /** Within the model's folder. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Changes when the file does. */
  readonly identity: string;
}

/** Every file that counts, of every model; weights in the order in which steps first need them come first. */
export async function listSources(plan: MergePlan): Promise<readonly SourceFileInfo[]> {
  const sources: SourceFileInfo[] = [];
  for (const [model, { folder }] of plan.checkpoints) {
    for (const name of (await folder.list()).filter(isArtifactFile)) {
      const found = await folder.find(name);
      if (found === undefined) continue;
      const identity = identityOf(await Deno.stat(found.path));
      sources.push({ key: keyOf(model, name), model, name, ...found, identity });
    }
  }
  const inputs = plan.steps.flatMap((step) => step.inputs);
  const order = [...new Set(inputs.map(({ model, tensor }) => keyOf(model, tensor.file)))];
  const rank = new Map(order.map((key, i) => [key, i]));
  return sources.sort((a, b) => (rank.get(a.key) ?? order.length) - (rank.get(b.key) ?? order.length));
}

/** Throws MergeError where one has changed since it was listed. */
export async function assertUnchanged(sources: readonly SourceFileInfo[]): Promise<void> {
  for (const { path, identity, model, name } of sources) {
    const info = await Deno.stat(path).catch(() => null);
    if (info === null || identityOf(info) !== identity) throw changed(model, name, "while it was being read");
  }
}

export function changed(model: string, name: string, when: string): MergeError {
  return new MergeError(`Cannot merge: "${name}" of model "${model}" changed ${when}`, { model, file: name });
}

/** Hashes by model, sorted by path. */
export function hashesByModel(
  sources: readonly SourceFileInfo[],
  sha256: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly FileHash[]> {
  const hashed = sources.map(({ key, model, name, sizeBytes }) => ({
    model,
    file: { path: name, sizeBytes, sha256: sha256.get(key)! },
  }));
  const groups = Map.groupBy(hashed, ({ model }) => model);
  return new Map([...groups].map(([model, files]) => [
    model,
    files.map(({ file }) => file).sort((a, b) => a.path < b.path ? -1 : 1),
  ]));
}

function keyOf(model: string, name: string): string {
  return JSON.stringify([model, name]);
}

function identityOf({ size, mtime, ino, dev }: Deno.FileInfo): string {
  return [size, mtime?.getTime(), ino, dev].join(" ");
}
