/**
 * What registering a folder writes down about it: facts of its configuration and headers, and of its card (README.md)
 * where it has one. The card is a stranger's text: whatever in it does not parse is left out.
 */
import { parse as parseYaml } from "yaml";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { samplingOfCheckpoint } from "./sampling.ts";
import type { Model, SamplingInput } from "./types.ts";

export interface ModelFacts {
  readonly architecture: string;
  readonly parameterCount: bigint;
  readonly nativeContextLength: number;
  readonly nativeDtype: Model["nativeDtype"];
  readonly concurrencyCost: number;
  readonly checkpointSampling: SamplingInput;
  readonly license: string | null;
  /** Markdown. */
  readonly description: string | null;
}

const MAX_CARD_BYTES = 256 * 1024;
const MAX_LICENSE_LENGTH = 100;

const DTYPE_NAMES: Partial<Record<Dtype, Model["nativeDtype"]>> = {
  F32: "FLOAT32",
  F16: "FLOAT16",
  BF16: "BFLOAT16",
  F8_E4M3: "FLOAT8_E4M3",
};

/** Units that one running generation holds, by parameters: steps as commercial hosts price them. */
const COST_STEPS: readonly (readonly [bigint, number])[] = [[16_000_000_000n, 1], [36_000_000_000n, 2]];
const LARGEST_COST = 4;

export async function readModelFacts(checkpoint: Checkpoint): Promise<ModelFacts> {
  const parameterCount = countParameters(checkpoint);
  return {
    architecture: checkpoint.config.architecture,
    parameterCount,
    nativeContextLength: checkpoint.config.maxPositionEmbeddings,
    nativeDtype: prevailingDtype(checkpoint),
    concurrencyCost: COST_STEPS.find(([below]) => parameterCount < below)?.[1] ?? LARGEST_COST,
    checkpointSampling: samplingOfCheckpoint(checkpoint.generationConfig),
    ...await readCard(checkpoint),
  };
}

function countParameters(checkpoint: Checkpoint): bigint {
  let count = 0n;
  for (const { shape } of checkpoint.tensors.values()) {
    count += shape.reduce((product, size) => product * BigInt(size), 1n);
  }
  return count;
}

/** The type that most bytes are stored in: norms are often kept wider than the rest. */
function prevailingDtype(checkpoint: Checkpoint): Model["nativeDtype"] {
  const bytes = new Map<Model["nativeDtype"], number>();
  for (const { dtype, byteLength } of checkpoint.tensors.values()) {
    const name = DTYPE_NAMES[dtype];
    if (name !== undefined) bytes.set(name, (bytes.get(name) ?? 0) + byteLength);
  }
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "FLOAT32";
}

async function readCard({ folder }: Checkpoint): Promise<Pick<ModelFacts, "license" | "description">> {
  const found = await folder.find("README.md");
  if (found === undefined || found.sizeBytes > MAX_CARD_BYTES) return { license: null, description: null };
  const text = new TextDecoder().decode(await folder.readSmall("README.md", MAX_CARD_BYTES)).replaceAll(
    "\r\n",
    "\n",
  );
  const [, frontMatter, body] = /^---\n(.*?)\n---\n?(.*)$/s.exec(text) ?? [];
  return { license: parseLicense(frontMatter), description: (body ?? text).trim() || null };
}

function parseLicense(frontMatter: string | undefined): string | null {
  if (frontMatter === undefined) return null;
  try {
    const card: unknown = parseYaml(frontMatter, { maxAliasCount: 10 });
    return typeof card === "object" && card !== null ? licenseOf(card) : null;
  } catch {
    return null;
  }
}

/** As model hubs write it: an identifier, several of them, or `other` with a name beside it. */
function licenseOf(card: { readonly license?: unknown; readonly license_name?: unknown }): string | null {
  const { license, license_name: name } = card;
  const told = license === "other" && typeof name === "string" ? name : license;
  const names: readonly unknown[] = Array.isArray(told) ? told : [told];
  if (names.length === 0 || !names.every((each) => typeof each === "string")) return null;
  const text = names.join(", ");
  return text.length <= MAX_LICENSE_LENGTH ? text : null;
}
