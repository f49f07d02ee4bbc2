/**
 * The family of task arithmetic: base + λ Σ wᵢ δᵢ, with δᵢ = modelᵢ − base thinned out and, in some, only where signs
 * agree. Members differ in how they thin out, whether they elect signs, and in two defaults; mergekit calls this the
 * generalized task arithmetic. Parameters without effect in a member (int8_mask, a density where nothing is thinned
 * out) are accepted, as mergekit accepts them.
 */
import { Election, type WeightedSums } from "../arithmetic/consensus.ts";
import { type Mask, masked } from "../arithmetic/mask.ts";
import { differenceDtype, Rounder } from "../arithmetic/rounding.ts";
import { RandomWords } from "../arithmetic/random.ts";
import { blockOf, delta, type Vector } from "../arithmetic/vector.ts";
import { byRole, copied, dtypeOfBase, mixed, needsModels, otherIndices } from "./inputs.ts";
import type {
  MergeMethod,
  ParameterDeclaration,
  ParameterValues,
  StepFacts,
  ValueProblem,
} from "./method.ts";

export interface TaskArithmeticMember {
  readonly name: string;
  /** Whether the sum is divided by the weights, unless the configuration says otherwise. */
  readonly normalize: boolean;
  /** Whether thinned-out deltas get their L1 norm back, unless the configuration says otherwise. */
  readonly rescale: boolean;
  /** Only deltas of the elected sign count. */
  readonly electsSigns: boolean;
  /** What is kept of a delta; asked only at densities below 1. `random` draws for this model and tensor. */
  readonly sparsify?: (
    delta: Vector,
    own: ParameterValues,
    context: { readonly shape: readonly number[]; readonly random: RandomWords },
  ) => Mask;
  readonly isRandom?: true;
  /** Of each model, beside weight and density. */
  readonly modelParameters?: readonly ParameterDeclaration[];
  /** What is wrong with one model's values at a density below 1. */
  readonly refuseOwn?: (own: ParameterValues, step: StepFacts) => ValueProblem | null;
}

/** Where all deltas count, a sum of weights up to this does not divide; where signs are elected, only zero does not. */
const NO_WEIGHT = 1e-8;

const COMMON: readonly ParameterDeclaration[] = [
  { name: "weight", scope: "model", type: "number", fallback: null },
  { name: "density", scope: "model", type: "number", fallback: 1, range: [0, 1] },
  { name: "lambda", scope: "tensor", type: "number", fallback: 1 },
  { name: "int8_mask", scope: "tensor", type: "boolean", fallback: false },
];

/**
 * mergekit takes the seed of random masks from its command line; here it is a parameter, so that the configuration
 * alone determines the merge. mergekit reads past parameters it does not know, so such a file works in both.
 */
const RANDOM_SEED: ParameterDeclaration = {
  name: "random_seed",
  scope: "tensor",
  type: "integer",
  fallback: 0,
  range: [0, Number.MAX_SAFE_INTEGER],
};

export function taskVectorMethod(member: TaskArithmeticMember): MergeMethod {
  const { refuseOwn } = member;
  return {
    name: member.name,
    arithmetic: 2,
    selects: member.sparsify !== undefined,
    parameters: [
      ...COMMON,
      { name: "normalize", scope: "tensor", type: "boolean", fallback: member.normalize },
      { name: "rescale", scope: "tensor", type: "boolean", fallback: member.rescale },
      ...member.modelParameters ?? [],
      ...member.isRandom ? [RANDOM_SEED] : [],
    ],
    refuseSlice: needsModels({ base: "required", others: [1, Infinity], alone: "base" }),

    refuseValues(step) {
      for (const i of refuseOwn === undefined ? [] : otherIndices(step)) {
        const own = step.modelParameters[i]!;
        const problem = Number(own.density) < 1 ? refuseOwn!(own, step) : null;
        if (problem !== null) return problem;
      }
      return null;
    },

    resultDtype: dtypeOfBase,

    mix(inputs) {
      const { origin, others } = byRole(inputs);
      if (others.length === 0) return copied(origin!);
      const { parameters, shape, name } = inputs;
      const seed = Number(parameters.random_seed);
      const dtype = differenceDtype([origin!.dtype]);
      const rounder = new Rounder(dtype, blockOf(origin!).length);
      const deltas = others.map(({ operand, model, parameters: own }) => {
        const whole = delta(operand, origin!, dtype);
        if (member.sparsify === undefined || Number(own.density) >= 1) return whole;
        const mask = member.sparsify(whole, own, { shape, random: new RandomWords(seed, model, name) });
        return masked(whole, mask, parameters.rescale === true ? dtype : null);
      });
      const weights = others.map((other) => rounder.rounded(Number(other.parameters.weight)));
      const sum = weightedSum(deltas, weights, { electsSigns: member.electsSigns, rounder });
      const lambda = Math.fround(Number(parameters.lambda));
      const normalize = parameters.normalize === true;
      const apply = (start: number, out: Float32Array) => {
        const { sums, divisors } = sum(start, out.length);
        origin!.read(start, out);
        if (normalize) {
          divide(sums, divisors, member.electsSigns ? 0 : NO_WEIGHT);
          rounder.round(sums);
        }
        if (lambda !== 1) {
          scale(sums, lambda);
          rounder.round(sums);
        }
        for (let j = 0; j < out.length; j++) out[j] = out[j]! + sums[j]!;
      };
      const drawn = member.isRandom && others.some((other) => Number(other.parameters.density) < 1);
      return { ...mixed(apply), ...drawn ? { seed } : {} };
    },
  };
}

/** Block by block: Σ wᵢ δᵢ, of agreeing signs or of all, and what normalization divides by. */
function weightedSum(
  deltas: readonly Vector[],
  weights: readonly number[],
  { electsSigns, rounder }: { readonly electsSigns: boolean; readonly rounder: Rounder },
) {
  const votes = deltas.map(blockOf);
  const shares = weights.map((weight) => ({ factor: 1, weight })); // votes are weighted before they are cast
  const election = new Election(votes[0]!.length, rounder);
  return (start: number, count: number): WeightedSums => {
    const block = votes.map((vote) => vote.subarray(0, count));
    deltas.forEach((vector, i) => {
      vector.read(start, block[i]!);
      if (weights[i] === 1) return;
      scale(block[i]!, weights[i]!);
      rounder.round(block[i]!);
    });
    return electsSigns ? election.agreeing(block, shares) : election.all(block, shares);
  };
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
}

/** Divisors of at most `none` do not divide. */
function divide(sums: Float32Array, divisors: Float32Array, none: number): void {
  for (let j = 0; j < sums.length; j++) {
    if (Math.abs(divisors[j]!) > none) sums[j] = sums[j]! / divisors[j]!;
  }
}
