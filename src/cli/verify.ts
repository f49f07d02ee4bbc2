/** `geodesic verify MODEL`: whether a merged model is what its record says, and what its parents give. */
import { join, resolve } from "node:path";
import { NotFoundError } from "../errors.ts";
import { modelResolver } from "../merge/model_paths.ts";
import type { SourceRecord } from "../merge/record.ts";
import { describeMismatch } from "../merge/verify/mismatch.ts";
import { type Verification, verifyModel, type VerifyProgress } from "../merge/verify/verify.ts";
import { findModelByManifest } from "../store/models.ts";
import { architectureOption, architecturesOf } from "./architecture_option.ts";
import type { Command, Invocation } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { findModelFolder, isFolder, withExistingStore } from "./find_model.ts";
import { modelOption, namedModels } from "./named_models.ts";
import { printable } from "./printable.ts";
import { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { printVerdict } from "./verdict.ts";

const MAX_SAMPLE = 1_000_000;

export const verifyCommand: Command = {
  name: "verify",
  summary: "Check a merged model against its provenance and, where they are at hand, its parents",
  positionals: ["MODEL"],
  options: {
    model: modelOption,
    "arch-info": architectureOption,
    sample: {
      type: "string",
      value: "N",
      description: "Look at N tensors instead of all; files are always hashed",
    },
    seed: { type: "string", value: "S", description: "Which N: the same seed draws the same (default 0)" },
    data: dataDirOption,
    json: { type: "boolean", description: "Print the findings, and errors, as one JSON object" },
  },
  notes:
    "MODEL is a folder or the name of a registered model. Every file is hashed; t, filter and layout of every tensor\n" +
    "are worked out anew from the recorded configuration; tensors are hashed and merged again from their parents. A\n" +
    "parent is looked for at its --model path, by its hash among the registered models, as a path from where you\n" +
    "stand and from MODEL, and among the data folder's models; without it its tensors are hashed only.\n" +
    "Of several documents, those before the output are merged again too, beside MODEL, for as long as it takes.\n" +
    "Exit code 1 when anything does not match, each mismatch on a line of its own.",
  async run(invocation) {
    const { terminal, signal } = invocation;
    const dataDir = dataDirOf(invocation);
    const sample = invocation.integer("sample", { min: 1, max: MAX_SAMPLE });
    const seed = invocation.integer("seed", { min: 0, max: Number.MAX_SAFE_INTEGER });
    const models = namedModels(invocation);
    const where = { ...terminal, dataDir };
    const { path: dir } = await findModelFolder(invocation.positional("MODEL"), where);
    const verification = await verify(terminal, {
      dir,
      findSource: (source) => findParent(source, { invocation, dir, dataDir, models }),
      architectures: await architecturesOf(invocation),
      ...sample === undefined ? {} : { sample },
      ...seed === undefined ? {} : { seed },
      signal,
    });
    const words = invocation.flag("json")
      ? JSON.stringify(verification)
      : describe(verification).map(printable).join("\n");
    return printVerdict(terminal, words, verification.ok);
  },
};

async function verify(
  terminal: Terminal,
  options: Parameters<typeof verifyModel>[0],
): Promise<Verification> {
  using bar = new Progress(terminal);
  return await verifyModel({ ...options, onProgress: (progress) => bar.update(barState(progress)) });
}

function barState({ stage, item, done, total, tensors }: VerifyProgress) {
  if (tensors !== undefined) {
    const count = `${tensors.done}/${tensors.total} tensors`;
    const what = stage === "documents" ? "Merging stages again" : "Verifying tensors";
    return { stage: what, doneBytes: done, totalBytes: total, count };
  }
  const what = stage === "hashing" ? "Hashing files" : `Hashing ${item}`;
  return { stage: what, doneBytes: done, totalBytes: total };
}

interface Search {
  readonly invocation: Invocation;
  readonly dir: string;
  readonly dataDir: string;
  readonly models: ReadonlyMap<string, string>;
}

/** Null where the parent is nowhere; what was named explicitly must be there. */
async function findParent(source: SourceRecord, search: Search): Promise<string | null> {
  const { invocation: { terminal }, dir, dataDir, models } = search;
  if (!models.has(source.name)) {
    const known = await withExistingStore(
      { ...terminal, dataDir },
      (db) => findModelByManifest(db, source.manifestSha256),
    );
    if (known !== undefined && await isFolder(known.path)) return known.path; // it may have gone since
  }
  const resolver = modelResolver({
    cwd: terminal.userDir,
    configDir: resolve(dir),
    models,
    libraryDir: join(dataDir, "models"),
  });
  try {
    return await resolver(source.name);
  } catch (error) {
    if (error instanceof NotFoundError && !models.has(source.name)) return null;
    throw error;
  }
}

function describe(verification: Verification): readonly string[] {
  const { dir, ok, mismatches, sources, files, tensors } = verification;
  const absent = sources.filter(({ state }) => state === "ABSENT").map(({ name }) => `"${name}"`);
  const notes = absent.length === 0
    ? []
    : [`Not at hand: ${absent.join(", ")} (--model NAME=PATH); no tensor was merged again`];
  const looked = `${files} files and ${tensors.hashed} of ${tensors.total} tensors hashed, ` +
    `${tensors.recomputed} merged again` +
    (tensors.ofStages === 0 ? "" : `, and ${tensors.ofStages} of the documents before`);
  if (ok) return [`Verified ${dir}: ${looked}`, `Manifest SHA-256 ${verification.manifestSha256}`, ...notes];
  const count = mismatches.length === 1 ? "1 mismatch" : `${mismatches.length} mismatches`;
  return [...mismatches.map(describeMismatch), `${count} in ${dir}: ${looked}`, ...notes];
}
