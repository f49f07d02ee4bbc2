/** The merge methods that Geodesic carries out. A new one is one file and one line here. */
import { arceeFusion } from "./arcee_fusion.ts";
import { breadcrumbs } from "./breadcrumbs.ts";
import { breadcrumbsTies } from "./breadcrumbs_ties.ts";
import { dareLinear } from "./dare_linear.ts";
import { dareTies } from "./dare_ties.ts";
import { della } from "./della.ts";
import { dellaLinear } from "./della_linear.ts";
import { karcher } from "./karcher.ts";
import { linear } from "./linear.ts";
import type { MergeMethod } from "./method.ts";
import { modelStock } from "./model_stock.ts";
import { multislerp } from "./multislerp.ts";
import { nearswap } from "./nearswap.ts";
import { nuslerp } from "./nuslerp.ts";
import { passthrough } from "./passthrough.ts";
import { ram, ramplusTl } from "./ram.ts";
import { sce } from "./sce.ts";
import { slerp } from "./slerp.ts";
import { taskArithmetic } from "./task_arithmetic.ts";
import { ties } from "./ties.ts";

const METHODS: readonly MergeMethod[] = [
  slerp,
  linear,
  passthrough,
  taskArithmetic,
  ties,
  dareLinear,
  dareTies,
  breadcrumbs,
  breadcrumbsTies,
  modelStock,
  nuslerp,
  multislerp,
  karcher,
  della,
  dellaLinear,
  sce,
  nearswap,
  arceeFusion,
  ram,
  ramplusTl,
];

export const METHOD_NAMES: readonly string[] = METHODS.map((method) => method.name);

/**
 * What mergekit's methods look at: where another method stands, such a name is no mistake, only without effect. The seed
 * is Geodesic's own, and in the wrong place it would not be the seed.
 */
export const MERGEKIT_PARAMETERS: ReadonlySet<string> = new Set(
  METHODS.flatMap((method) => method.parameters.map((parameter) => parameter.name))
    .filter((name) => name !== "random_seed"),
);

export function findMethod(name: string): MergeMethod | undefined {
  return METHODS.find((method) => method.name === name);
}
