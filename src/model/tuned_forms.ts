/**
 * Forms that were found to be quickest for a model's shape on a device (tune.ts), kept in a file of their own between loads.
 * A file says what a device does best and nothing of what a model answers: a form that could change a bit, or that the
 * kernels do not know, is not taken.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { FormatError } from "../errors.ts";
import type { ModelConfig } from "../formats/config.ts";
import { writeAll } from "../formats/staged_file.ts";
import { syncFolder } from "../formats/staged_folder.ts";
import { toReadError } from "../formats/read_error.ts";
import { toWriteError } from "../formats/write_error.ts";
import type { GpuDeviceInfo } from "../gpu/device.ts";
import { kernelFingerprint } from "../kernels/fingerprint.ts";
import {
  changesTiles,
  formAt,
  formKey,
  type FormLimits,
  formPlaces,
  isFormOf,
  type TunedFamily,
  withForm,
  withTiles,
} from "../kernels/forms.ts";
import { CORE_LIBS, LINEAR_OVERRIDES, type LinearOverride, type LinearTuning } from "../kernels/linear.ts";
import { type DeviceTuning, type MatrixRole, ROLES } from "../kernels/tuning.ts";
import { LAYER_MATRICES, layerMatrix, type ModelFormats, vocabularyMatrix } from "./matrices.ts";
import { pairsOf } from "./row_layout.ts";
import type { Precision } from "./runner.ts";
import { MAX_PROMPT_TOKENS } from "./sizes.ts";

/** Raised when files of before mean something else. */
const VERSION = 1;
/** Larger than any that was written here. */
const MOST_BYTES = 256 * 1024;
/** Notes of what was lost, the last ones, and characters of each. */
const MOST_LOST = 200;
const MOST_NOTED = 500;
/** Characters of what is wrong with a file. */
const MOST_TOLD = 1000;

/** What a form's time depends on, besides the kernels. */
export interface TunedShape {
  readonly device: GpuDeviceInfo;
  readonly config: ModelConfig;
  readonly formats: ModelFormats;
  readonly precision: Precision;
  /** Products are added in pairs of f16. */
  readonly halves: boolean;
}

interface TunedForm {
  readonly role: MatrixRole;
  readonly rows: number;
  readonly form: LinearTuning;
}

const numbers = Object.fromEntries(
  Object.keys(LINEAR_OVERRIDES).map((name) => [name, z.uint32().optional()]),
) as unknown as Record<Exclude<LinearOverride, "WORKGROUP">, z.ZodOptional<z.ZodUInt32>>;
const formSchema = z.strictObject({
  ...numbers,
  core: z.enum(CORE_LIBS),
  WORKGROUP: z.uint32(),
  asksEarly: z.boolean().optional(),
});
const fileSchema = z.strictObject({
  version: z.literal(VERSION),
  adapter: z.string(),
  /** Of kernels and shape; the file's name, too. */
  key: z.string(),
  /** What the key is for besides the kernels, to be told by when those have changed; earlier files do not say it. */
  for: z.record(z.string(), z.unknown()).optional(),
  forms: z.array(z.strictObject({ role: z.enum(ROLES), rows: z.uint32(), form: formSchema })).max(100),
  tiles: z.array(z.strictObject({
    role: z.enum(ROLES),
    choices: z.array(z.strictObject({ rows: z.uint32(), tile: z.uint32() })).min(1).max(MAX_PROMPT_TOKENS),
  })).max(ROLES.length).default([]),
  trying: z.string().max(MOST_NOTED).optional(),
  lost: z.array(z.string().max(MOST_NOTED)).max(MOST_LOST).default([]),
});

/** What a search has noted for those that come after it; a load does not heed it. */
export interface TunedNotes {
  /** What is being tried; of a search that has ended, what it ended with. */
  readonly trying?: string | undefined;
  /** What earlier ones ended with. */
  readonly lost: readonly string[];
}

export const familyOf = ({ halves }: Pick<TunedShape, "halves">): TunedFamily =>
  halves ? "halves" : "matrices";

/** Of any matrix on the device; {@link pairsByRole} says the rest. */
export function formLimits({ limits }: Pick<GpuDeviceInfo, "limits">): FormLimits {
  const { maxComputeInvocationsPerWorkgroup = 256, maxComputeWorkgroupSizeX = Infinity } = limits;
  return {
    maxInvocations: Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX),
    memoryBytes: limits["maxComputeWorkgroupStorageSize"] ?? 16_384,
  };
}

/** Pairs of rows of each matrix, which may come in slices. */
export function pairsByRole(config: ModelConfig): Readonly<Record<MatrixRole, number>> {
  const layer = LAYER_MATRICES.map((name) => [name, pairsOf(layerMatrix(config, 0, name).layout)]);
  return { ...Object.fromEntries(layer), head: pairsOf(vocabularyMatrix(config, "").layout) };
}

/** Everything that makes other forms possible, or others quickest, besides the kernels. */
function subjectOf({ device, config, formats, precision, halves }: TunedShape) {
  const { adapter, backend, subgroupSize = null } = device;
  const { hiddenSize, intermediateSize, queryHeads, kvHeads, headDim, vocabSize } = config;
  return {
    ...{ adapter, backend, subgroupSize },
    ...{ hiddenSize, intermediateSize, queryHeads, kvHeads, headDim, vocabSize },
    ...{ layers: formats.layers[0] ?? null, head: formats.head ?? formats.embedding, precision, halves },
  };
}

/** Names the file of a shape and of the kernels there are. */
function tunedKey(shape: TunedShape): string {
  const { adapter, backend, subgroupSize, layers, head, precision, halves, ...sizes } = subjectOf(shape);
  const text = JSON.stringify([
    [adapter, backend, subgroupSize, kernelFingerprint(shape.device)],
    Object.values(sizes),
    [layers, head, precision, halves],
  ]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function tunedPath(dir: string, shape: TunedShape): string {
  return join(dir, `${tunedKey(shape)}.json`);
}

/**
 * The tuning with the forms and tiles that are kept for this shape; as it is where there is no file, or nothing else in it.
 * FormatError for one that cannot be used, or what reading throws.
 */
export async function withTunedForms(
  dir: string,
  shape: TunedShape,
  tuning: DeviceTuning,
): Promise<DeviceTuning> {
  const path = tunedPath(dir, shape);
  const file = await readFile(path, shape);
  if (file === null) return tuning;
  const fail = (found: string, expected: string) => unusable(path, found, expected);
  const family = familyOf(shape);
  const limits = formLimits(shape.device);
  const pairs = pairsByRole(shape.config);
  let result = tuning;
  for (const { role, rows, form: read } of file.forms) {
    const form = read as LinearTuning;
    const base = formAt(tuning, family, { role, rows });
    if (base === null || !isFormOf(base, form, { ...limits, pairs: pairs[role] })) {
      throw fail(
        `${JSON.stringify(form)} ("${role}", rows: ${rows})`,
        `a form of ${JSON.stringify(base)} that changes no bit`,
      );
    }
    if (formKey(form) !== formKey(base)) result = withForm(result, family, { role, rows }, form);
  }
  for (const { role, choices } of file.tiles) {
    const prompt = tuning[family]?.[role].prompt ?? [];
    const count = prompt.length;
    const isSound = choices.every(({ rows, tile }, i) => tile < count && rows > (choices[i - 1]?.rows ?? 0));
    if (!isSound) {
      throw fail(
        `${JSON.stringify(choices)} (prompts of "${role}")`,
        `ascending rows, and tiles below ${count}`,
      );
    }
    if (changesTiles({ prompt, tiles: choices }, pairs[role])) {
      result = withTiles(result, family, role, choices);
    }
  }
  return result;
}

/** What searches for this shape have noted; throws as withTunedForms() does. */
export async function readTunedNotes(dir: string, shape: TunedShape): Promise<TunedNotes> {
  return await readFile(tunedPath(dir, shape), shape) ?? { lost: [] };
}

/** Makes the folder where it is missing. Throws ConfigError or CapacityError where nothing can be written into it. */
export async function requireWritable(dir: string): Promise<void> {
  const path = join(dir, `${crypto.randomUUID()}.partial`);
  try {
    await Deno.mkdir(dir, { recursive: true });
    await Deno.writeTextFile(path, "");
  } catch (error) {
    throw toWriteError(error, dir);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

/**
 * Puts the tuning's forms and tiles into the file of the shape, in place of what was there, which nobody finds half written.
 * It is on the disk, under its name, when the path of the file is returned: the machine may not outlive what comes next.
 * Throws as requireWritable() does.
 */
export async function writeTunedForms(
  dir: string,
  shape: TunedShape,
  tuning: DeviceTuning,
  { trying, lost }: TunedNotes = { lost: [] },
): Promise<string> {
  const family = familyOf(shape);
  const forms = formPlaces(tuning, family).map((place): TunedForm => {
    return { ...place, form: formAt(tuning, family, place)! };
  });
  const tiles = ROLES.flatMap((role) => {
    const { tiles: choices = [] } = tuning[family]?.[role] ?? {};
    return choices.length === 0 ? [] : [{ role, choices }];
  });
  const { adapter } = shape.device;
  const file = {
    ...{ version: VERSION, adapter, key: tunedKey(shape), for: subjectOf(shape), forms, tiles },
    ...trying !== undefined && { trying: noted(trying) },
    ...lost.length > 0 && { lost: lost.slice(-MOST_LOST).map(noted) },
  };
  const path = tunedPath(dir, shape);
  const aside = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await Deno.mkdir(dir, { recursive: true });
    await writeWhole(aside, `${JSON.stringify(file, null, 2)}\n`);
    await Deno.rename(aside, path);
    await syncFolder(dir);
  } catch (error) {
    throw toWriteError(error, path);
  } finally {
    await Deno.remove(aside).catch(() => {});
  }
  return path;
}

/**
 * Removes the files that earlier kernels had for this very device, shape and way of holding it, and for nothing else; their
 * names. What cannot be read or removed stays.
 */
export async function removeEarlierForms(dir: string, shape: TunedShape): Promise<readonly string[]> {
  const subject = JSON.parse(JSON.stringify(subjectOf(shape)));
  const own = `${tunedKey(shape)}.json`;
  const names = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name).catch(() => []);
  const removed: string[] = [];
  for (const name of names.sort()) {
    if (name === own || !name.endsWith(".json")) continue;
    const path = join(dir, name);
    try {
      const { success, data } = fileSchema.safeParse(parseJson(await readBounded(path) ?? ""));
      if (!success || `${data.key}.json` !== name || !isDeepStrictEqual(data.for, subject)) continue;
      await Deno.remove(path);
      removed.push(name);
    } catch {
      // It is in nobody's way.
    }
  }
  return removed;
}

/** As much of a note as a file takes. */
export function noted(what: string): string {
  return what.slice(0, MOST_NOTED);
}

async function writeWhole(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await writeAll(file, new TextEncoder().encode(text));
  await file.syncData();
}

/** Null where there is none. */
async function readFile(path: string, shape: TunedShape): Promise<z.infer<typeof fileSchema> | null> {
  const text = await readBounded(path);
  if (text === null) return null;
  const parsed = fileSchema.safeParse(parseJson(text));
  if (!parsed.success) throw unusable(path, ...firstOf(parsed.error, text));
  const key = tunedKey(shape);
  if (parsed.data.key !== key) throw unusable(path, `key "${parsed.data.key}"`, key);
  return parsed.data;
}

function unusable(path: string, text: string, expected: string): FormatError {
  const found = text.slice(0, MOST_TOLD);
  return new FormatError(`Cannot use the tuned forms in "${path}": found ${found}, expected ${expected}`, {
    path,
    found,
    expected,
  });
}

/** What is wrong first: found, and expected. */
function firstOf({ issues: [issue] }: z.ZodError, text: string): readonly [string, string] {
  if (parseJson(text) === undefined) return ["no JSON", `a file of version ${VERSION}`];
  const place = issue === undefined || issue.path.length === 0 ? "its top" : issue.path.join(".");
  return [`${issue?.message ?? "something else"} at ${place}`, `a file of version ${VERSION}`];
}

/** Null where there is no file. */
async function readBounded(path: string): Promise<string | null> {
  const fail = (found: string, expected: string) => unusable(path, found, expected);
  try {
    const { size, isFile, isDirectory } = await Deno.stat(path);
    if (!isFile) throw fail(isDirectory ? "a folder" : "no file", "a file");
    if (size > MOST_BYTES) throw fail(`${size} bytes`, `at most ${MOST_BYTES}`);
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.NotADirectory) throw fail("a file in place of its folder", "a folder");
    throw toReadError(error, path);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
