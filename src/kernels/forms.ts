/**
 * The forms that a matrix' decode kernel can take without a bit of its result changing: how the work is shared out among
 * workgroups, pairs and loads, as against the order of a sum, which belongs to the family. Which form is quickest depends
 * on the device and on the matrix; src/model/tune.ts tries them out there.
 */
import { LINEAR_OVERRIDES, linearGrid, type LinearTuning, takesRow, withDefaults } from "./linear.ts";
import {
  type DeviceTuning,
  type MatrixRole,
  type MatrixTuning,
  MOST_WORKGROUPS,
  promptVariantFor,
  ROLES,
  type TileChoice,
  variantFor,
} from "./tuning.ts";

/** What bounds a form on a device. */
export interface FormLimits {
  readonly maxInvocations: number;
  /** Of a workgroup's memory, which nothing checks when a pipeline is made; no bound unless given. */
  readonly memoryBytes?: number | undefined;
  /** Of the matrix' rows, which must not make more workgroups than a grid takes; no bound unless given. */
  readonly pairs?: number | undefined;
}

/** More registers than that no lane has for rows of weights and their sums. */
const MOST_PAIRS = 8;
const MOST_UNROLL = 4;
/** Of core_subgroup's sums in workgroup memory. */
const MOST_SUBGROUPS = 32;
const LEAST_WORKGROUPS = 16;
/** What to begin from where a row takes the way by workgroup memory. */
const FIRST_ROW = { UNROLL: 2, WORKGROUPS: 264 } as const;

/** The order of a sum, as text: forms with the same one differ in no bit. */
function orderOf(form: LinearTuning): string {
  const { LANES, SPLIT, TOKENS } = withDefaults(form);
  // A single row by way of workgroup memory has the sums of a subgroup.
  const core = takesRow(form) ? "core_subgroup_f16" : form.core;
  return JSON.stringify([core, LANES, SPLIT, TOKENS]);
}

/** Whether `form` may stand in `base`'s place: it itself, or the same bits for as many rows and every number within bounds. */
export function isFormOf(base: LinearTuning, form: LinearTuning, limits: FormLimits): boolean {
  return formKey(base) === formKey(form) || orderOf(base) === orderOf(form) && isSound(form, limits);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function isSound(
  form: LinearTuning,
  { maxInvocations, memoryBytes = Infinity, pairs = 0 }: FormLimits,
): boolean {
  const { WORKGROUP, LANES, SPLIT, TOKENS, PAIRS, UNROLL, WORKGROUPS } = withDefaults(form);
  const within = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  if (![WORKGROUP, PAIRS].every(isPowerOfTwo) || !within(PAIRS, 1, MOST_PAIRS)) return false;
  if (!within(WORKGROUP, LANES, maxInvocations) || !within(UNROLL, 1, MOST_UNROLL)) return false;
  if (
    bytesOf(form) > memoryBytes || linearGrid({ rows: 1, pairs }, withDefaults(form))[0] > MOST_WORKGROUPS
  ) return false;
  if (form.asksEarly === true && form.core !== "core_subgroup" && !takesRow(form)) return false;
  const isKept = (names: readonly (keyof typeof LINEAR_OVERRIDES)[]) => {
    const numbers = withDefaults(form);
    return names.every((name) => numbers[name] === LINEAR_OVERRIDES[name]);
  };
  if (!isKept(["TEAMS", "STEP", "CHAIN", "BUFFERS", "GROUPS", "SLICE_PAIRS", "SKIPS"])) return false;
  const subgroup = LANES / SPLIT;
  switch (form.core) {
    case "core_lanes":
      // Lanes that share a product have one pair; an invocation by itself takes one, or four.
      return UNROLL === 1 && isKept(["WORKGROUPS"]) && (PAIRS === 1 || PAIRS === 4 && LANES === 1);
    case "core_subgroup":
      return isKept(["WORKGROUPS"]) && PAIRS * TOKENS <= subgroup && WORKGROUP / subgroup <= MOST_SUBGROUPS;
    case "core_subgroup_f16":
      return UNROLL <= 2 && isKept(["WORKGROUPS"]) && PAIRS * TOKENS <= subgroup &&
        WORKGROUP / subgroup <= MOST_SUBGROUPS;
    case "core_row_f16":
      return PAIRS === 1 && TOKENS === 1 && WORKGROUP % 32 === 0 &&
        within(WORKGROUPS, LEAST_WORKGROUPS, MOST_WORKGROUPS);
    default:
      return false;
  }
}

/** Of workgroup memory: the sums that lanes or subgroups share. A row's input is known with its length only (fitShape()). */
function bytesOf(form: LinearTuning): number {
  const { WORKGROUP, LANES, SPLIT, TOKENS, PAIRS } = withDefaults(form);
  if (form.core === "core_lanes") return LANES > 1 ? WORKGROUP * 3 * 16 : 0;
  if (SPLIT === 1) return 0;
  return MOST_SUBGROUPS * TOKENS * (2 * PAIRS + (form.core === "core_subgroup" ? 1 : 0)) * 4;
}

/** Forms that differ from this one in one thing. */
export function neighbours(form: LinearTuning, limits: FormLimits): LinearTuning[] {
  const { WORKGROUP, LANES, TOKENS, PAIRS, UNROLL, WORKGROUPS } = withDefaults(form);
  const isAlone = TOKENS === 1;
  const others: LinearTuning[] = [
    ...[WORKGROUP * 2, WORKGROUP / 2].map((WORKGROUP) => ({ ...form, WORKGROUP })),
    ...[PAIRS * 2, PAIRS / 2, PAIRS * 4, PAIRS / 4].map((PAIRS) => ({ ...form, PAIRS })),
  ];
  if (isAlone || form.core === "core_subgroup_f16") {
    others.unshift(...[UNROLL * 2, UNROLL / 2].map((UNROLL) => ({ ...form, UNROLL })));
  }
  if (isAlone && (form.core === "core_subgroup" || takesRow(form))) {
    others.unshift({ ...form, asksEarly: form.asksEarly !== true });
  }
  if (takesRow(form)) {
    const less = Math.min(WORKGROUPS, 1024);
    others.push(
      ...[less * 2, less / 2, less * 1.5, less / 1.5, MOST_WORKGROUPS]
        .map((WORKGROUPS) => ({ ...form, WORKGROUPS: Math.round(WORKGROUPS) })),
      { core: "core_subgroup_f16", WORKGROUP, LANES, SPLIT: 1, TOKENS, PAIRS, UNROLL: 1 },
    );
  } else if (isAlone && form.core === "core_subgroup_f16") {
    others.push({ core: "core_row_f16", WORKGROUP, LANES, TOKENS, ...FIRST_ROW });
  }
  return others.filter((other) => isFormOf(form, other, limits) && formKey(other) !== formKey(form));
}

/** The same for forms that are the same. */
export function formKey(form: LinearTuning): string {
  const { core, asksEarly = false } = form;
  const numbers = Object.entries(withDefaults(form)).sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify([core, asksEarly, numbers]);
}

/** The decode form that so many rows go by, of the family that is used. */
export interface FormPlace {
  readonly role: MatrixRole;
  /** TOKENS of the form. */
  readonly rows: number;
}

/** In f32, or in pairs of f16. */
export type TunedFamily = "matrices" | "halves";

/** Null where the family has no form for just so many rows. */
export function formAt(
  tuning: DeviceTuning,
  family: TunedFamily,
  { role, rows }: FormPlace,
): LinearTuning | null {
  return tuning[family]?.[role].decode.find(({ TOKENS = 1 }) => TOKENS === rows) ?? null;
}

/** The tuning with another form there; as it is where the family has none for so many rows. */
export function withForm(
  tuning: DeviceTuning,
  family: TunedFamily,
  { role, rows }: FormPlace,
  form: LinearTuning,
): DeviceTuning {
  const matrices = tuning[family];
  if (matrices === undefined) return tuning;
  const decode = matrices[role].decode.map((one) => (one.TOKENS ?? 1) === rows ? form : one);
  return { ...tuning, [family]: { ...matrices, [role]: { ...matrices[role], decode } } };
}

/** Every place of a family that has a form. */
export function formPlaces(tuning: DeviceTuning, family: TunedFamily): FormPlace[] {
  return ROLES.flatMap((role) =>
    (tuning[family]?.[role].decode ?? []).map(({ TOKENS = 1 }) => ({ role, rows: TOKENS }))
  );
}

/** Whether any size that was measured goes by another tile than it would without. */
export function changesTiles({ prompt, tiles = [] }: Omit<MatrixTuning, "decode">, pairs: number): boolean {
  return tiles.some(({ rows }) => {
    const shape = { rows, pairs };
    return promptVariantFor({ decode: [], prompt, tiles }, shape) !== variantFor(prompt, shape);
  });
}

/** The tuning with other tiles for a matrix' prompts, or none; as it is where it has no such family. */
export function withTiles(
  tuning: DeviceTuning,
  family: TunedFamily,
  role: MatrixRole,
  tiles: readonly TileChoice[],
): DeviceTuning {
  const matrices = tuning[family];
  if (matrices === undefined) return tuning;
  const { decode, prompt } = matrices[role];
  const matrix = { decode, prompt, ...tiles.length > 0 && { tiles } };
  return { ...tuning, [family]: { ...matrices, [role]: matrix } };
}
