/**
 * The parameters of a configuration held against what its merge method declares: names that no method knows, wrong
 * types, values out of range and unsuitable slices are refused with line and column; parameters of other methods are
 * passed over, as mergekit does; then each step gets its values, and those that have none are reported together.
 */
import type { ConfigError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { Parameters, Scalar, Setting } from "./settings.ts";
import { type LayoutTensor, sourcesOf } from "./layout.ts";
import type { MergeMethod, ParameterDeclaration, ParameterValues, StepFacts } from "./methods/method.ts";
import { findMethod, MERGEKIT_PARAMETERS, METHOD_NAMES } from "./methods/registry.ts";
import { readEach, throwAll } from "./problems.ts";
import { type ResolvedParameter, resolveParameter } from "./parameters.ts";

/**
 * The method a configuration asks for, once its slices and parameters are known to suit it. Throws ConfigError, with all
 * that does not suit it in `details.problems`.
 */
export function requireMethod(config: MergeConfig): MergeMethod {
  const method = methodNamed(config.method, config);
  const slices = readers(sourcesOf(config), (slice) => {
    const models = slice.sources.map((source) => source.model);
    const problem = new Set(models).size < models.length
      ? "takes each model once in a slice"
      : method.refuseSlice(models, slice.baseModel ?? config.baseModel);
    if (problem !== null) throw config.error(slice.path, `merge method "${method.name}" ${problem}`);
  });
  const places = readers(
    placesOf(config, method),
    ({ place, allowed }) => checkPlace(config, method, place, allowed),
  );
  readEach([...slices, ...places], (check) => check());
  return method;
}

/** Whatever its parameters. Throws ConfigError that points at the name. */
export function methodNamed(name: string, { error }: Pick<MergeConfig, "error">): MergeMethod {
  const method = findMethod(name);
  if (method !== undefined) return method;
  const known = METHOD_NAMES.join(", ");
  throw error(["merge_method"], `merge method "${name}" is not supported, expected one of: ${known}`);
}

/** Parameters that the method does not look at where they stand, each as `file:line:column: what`. */
export function ignoredParameters(config: MergeConfig): readonly string[] {
  const method = requireMethod(config);
  return placesOf(config, method).flatMap(({ place, allowed }) =>
    [...place.settings.keys()]
      .filter((name) => allowed.every((declared) => declared.name !== name))
      .map((name) =>
        config.error([...place.path, name], `merge method "${method.name}" does not look at "${name}" here`)
          .message
      )
  );
}

function readers<T>(items: readonly T[], check: (item: T) => void): readonly (() => void)[] {
  return items.map((item) => () => check(item));
}

interface ParameterPlace {
  readonly place: Parameters;
  readonly allowed: readonly ParameterDeclaration[];
}

function placesOf(config: MergeConfig, method: MergeMethod): readonly ParameterPlace[] {
  const ofModels = method.parameters.filter((declared) => declared.scope === "model");
  const slices = sourcesOf(config);
  return [
    ...slices.map(({ parameters: place }) => ({ place, allowed: method.parameters })),
    ...slices.flatMap(({ sources }) =>
      sources.map(({ parameters: place }) => ({ place, allowed: ofModels }))
    ),
    { place: config.parameters, allowed: method.parameters },
  ];
}

function checkPlace(
  config: MergeConfig,
  method: MergeMethod,
  place: Parameters,
  allowed: readonly ParameterDeclaration[],
): void {
  readEach([...place.settings], ([name, setting]) => {
    const declared = allowed.find((candidate) => candidate.name === name);
    const path = [...place.path, name];
    // Another method's: without effect. The method's own in a place where it does nothing: surely a mistake.
    const isOwn = method.parameters.some((candidate) => candidate.name === name);
    if (declared === undefined && !isOwn && MERGEKIT_PARAMETERS.has(name)) return;
    if (declared === undefined) {
      const names = allowed.map((candidate) => candidate.name).join(", ") || "none";
      throw config.error(
        path,
        `merge method "${method.name}" has no parameter "${name}" here, expected: ${names}`,
      );
    }
    for (const value of valuesOf(setting)) {
      const expected = unsuitable(value, declared);
      if (expected !== null) {
        throw config.error(path, `parameter "${name}" holds ${quote(value)}, expected ${expected}`);
      }
    }
  });
}

function valuesOf(setting: Setting): readonly (Scalar | readonly number[])[] {
  return setting.kind === "plain" ? [setting.value] : setting.entries.map((entry) => entry.value);
}

/** What was expected instead; null for a value, or a gradient, that suits the declaration. */
function unsuitable(value: Scalar | readonly number[], declared: ParameterDeclaration): string | null {
  const { type, range: [least, most] = [-Infinity, Infinity] } = declared;
  const bounds = most < Number.MAX_SAFE_INTEGER ? ` from ${least} to ${most}` : ` of at least ${least}`;
  const kind = (type === "number" ? "a " : type === "integer" ? "an " : "a ") + type;
  const expected = kind + (declared.range === undefined ? "" : bounds);
  if (type === "integer") return Number.isSafeInteger(value) && within(value, least, most) ? null : expected;
  if (type === "boolean") return typeof value === "boolean" || value === 0 || value === 1 ? null : expected;
  const scalars: readonly Scalar[] = typeof value === "object" ? value : [value];
  return scalars.every((scalar) => typeof scalar === type && within(scalar, least, most)) ? null : expected;
}

function within(value: unknown, least: number, most: number): boolean {
  return typeof value !== "number" || (value >= least && value <= most);
}

export interface StepValues {
  readonly values: ParameterValues;
  /** The condition that decided `t`; null where it had none or the method has no t. */
  readonly filter: string | null;
  readonly modelValues: readonly ParameterValues[];
}

/** Resolves step by step and remembers what had no value, or values that cannot be merged with. */
export class StepParameters {
  readonly #config: MergeConfig;
  readonly #method: MergeMethod;
  readonly #missing = new Map<string, string[]>();
  /** By field: the first tensor speaks for the others. */
  readonly #refused = new Map<unknown, ConfigError>();

  constructor(config: MergeConfig, method: MergeMethod) {
    this.#config = config;
    this.#method = method;
  }

  /** `shape` is that of the output tensor. */
  resolve(tensor: LayoutTensor, shape: readonly number[]): StepValues {
    const wide = [tensor.slice.slice.parameters, this.#config.parameters];
    const values: Record<string, Scalar> = {};
    let filter: string | null = null;
    for (const declared of this.#method.parameters.filter((p) => p.scope === "tensor")) {
      const resolved = resolveParameter(declared.name, wide, tensor.name, tensor.position);
      if (declared.name === "t") filter = resolved?.filter ?? null;
      values[declared.name] = this.#value(declared, resolved, tensor.name);
    }
    const modelValues = tensor.inputs.map(({ source, tensor: inputName }) => {
      const isBase = source.model === tensor.slice.baseModel;
      const own: Record<string, Scalar> = {};
      for (const declared of this.#method.parameters.filter((p) => p.scope === "model")) {
        const places = [source.parameters, ...wide];
        const resolved = resolveParameter(declared.name, places, inputName, tensor.position);
        const isNeeded = declared.fallback !== null || declared.ofBase === true || !isBase;
        if (resolved === undefined && !isNeeded) continue;
        own[declared.name] = this.#value(declared, resolved, tensor.name);
      }
      return own;
    });
    this.#check(tensor, { shape, parameters: values, modelParameters: modelValues });
    return { values, filter, modelValues };
  }

  #check(tensor: LayoutTensor, known: Pick<StepFacts, "shape" | "parameters" | "modelParameters">): void {
    const { slice, baseModel } = tensor.slice;
    const models = tensor.inputs.map(({ source }) => source.model);
    const here = `merge method "${this.#method.name}" cannot merge tensor "${tensor.name}"`;
    // Some sources may lack an optional tensor, or be one too many for the slice that it is taken from.
    const misfit = this.#method.refuseSlice(models, baseModel);
    if (misfit !== null) {
      const message = `${here} of ${models.map((model) => quote(model)).join(", ")} alone: it ${misfit}`;
      this.#refuse(this.#config.error(slice.path, message));
      return;
    }
    const at = baseModel === null ? -1 : models.indexOf(baseModel);
    const facts = { name: tensor.name, models, base: at === -1 ? null : at, ...known };
    const problem = this.#missing.size > 0 ? null : this.#method.refuseValues?.(facts) ?? null;
    if (problem === null) return;
    const { parameter, message } = problem;
    const places = [...tensor.inputs.map(({ source }) => source.parameters), slice.parameters];
    const place = places.find(({ settings }) => settings.has(parameter)) ?? this.#config.parameters;
    this.#refuse(
      this.#config.error([...place.path, parameter], `${here}: parameter "${parameter}" ${message}`),
    );
  }

  #refuse(error: ConfigError): void {
    const { field } = error.details;
    if (!this.#refused.has(field)) this.#refused.set(field, error);
  }

  #value(declared: ParameterDeclaration, resolved: ResolvedParameter | undefined, tensor: string): Scalar {
    const value = resolved?.value ?? declared.fallback;
    // mergekit writes booleans as 1.0 and 0.0 when it writes a configuration.
    if (value !== null) return declared.type === "boolean" ? Boolean(value) : value;
    const missing = this.#missing.get(declared.name);
    if (missing === undefined) this.#missing.set(declared.name, [tensor]);
    else missing.push(tensor);
    return NaN; // never used: throwIfUnfit() stands between this and the first step
  }

  /** Throws ConfigError where there was a complaint: all of them, and what else is known not to fit, in words. */
  throwIfUnfit(problems: readonly string[]): void {
    const missing = [...this.#missing].map(([name, tensors]) => this.#missingError(name, tensors));
    const errors = [...missing, ...this.#refused.values()];
    throwAll(errors, problems);
  }

  #missingError(name: string, [first, ...others]: readonly string[]): ConfigError {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return this.#config.error(
      ["parameters", name],
      `parameter "${name}" has no value for tensor "${first}"${more}`,
    );
  }
}
