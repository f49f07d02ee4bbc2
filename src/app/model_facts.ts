/**
 * What registering a folder writes down about it: facts of its configuration and headers, and of its card (README.md)
 * where it has one.
 */
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { type Card, MAX_CARD_BYTES, parseCard } from "./card.ts";
import { samplingOfCheckpoint } from "./sampling.ts";
import type { Model, SamplingInput } from "./types.ts";

type FolderCard = Pick<Card, "license" | "description" | "parents">;

export interface ModelFacts extends FolderCard {
  readonly architecture: string;
  readonly parameterCount: bigint;
  readonly nativeContextLength: number;
  readonly nativeDtype: Model["nativeDtype"];
  readonly concurrencyCost: number;
  readonly checkpointSampling: SamplingInput;
}

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
    ...await readFolderCard(checkpoint),
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

async function readFolderCard({ folder }: Checkpoint): Promise<FolderCard> {
  const found = await folder.find("README.md");
  if (found === undefined || found.sizeBytes > MAX_CARD_BYTES) {
    return { license: null, description: null, parents: [] };
  }
  const text = new TextDecoder().decode(await folder.readSmall("README.md", MAX_CARD_BYTES));
  const { license, description, parents } = parseCard(text);
  return { license, description, parents };
}
