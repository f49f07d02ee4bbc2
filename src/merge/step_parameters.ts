/**
 * The parameters of a configuration held against what its merge method declares: unknown names, wrong types and
 * unsuitable slices are refused with line and column; then each step gets its values, and those that have none are
 * reported together.
 */
import type { ConfigError } from "../errors.ts";
import type { MergeConfig, Parameters, Scalar, Setting } from "./config.ts";
import { type LayoutTensor, sourcesOf } from "./layout.ts";
import type { MergeMethod, ParameterDeclaration, ParameterValues } from "./methods/method.ts";
import { findMethod, METHOD_NAMES } from "./methods/registry.ts";
import { type ResolvedParameter, resolveParameter } from "./parameters.ts";

/** The method a configuration asks for, once its slices and parameters are known to suit it. */
export function requireMethod(config: MergeConfig): MergeMethod {
  const method = findMethod(config.method);
  if (method === undefined) {
    throw config.error(
      ["merge_method"],
      `merge method "${config.method}" is not supported, expected one of: ${METHOD_NAMES.join(", ")}`,
    );
  }
  for (const slice of sourcesOf(config)) {
    const models = slice.sources.map((source) => source.model);
    const problem = new Set(models).size < models.length
      ? "takes each model once in a slice"
      : method.refuseSlice(models, slice.baseModel ?? config.baseModel);
    if (problem !== null) throw config.error(slice.path, `merge method "${method.name}" ${problem}`);
    checkPlace(config, method, slice.parameters, ["tensor", "model"]);
    for (const source of slice.sources) checkPlace(config, method, source.parameters, ["model"]);
  }
  checkPlace(config, method, config.parameters, ["tensor", "model"]);
  return method;
}

function checkPlace(
  config: MergeConfig,
  method: MergeMethod,
  place: Parameters,
  scopes: readonly ParameterDeclaration["scope"][],
): void {
  const allowed = method.parameters.filter((declared) => scopes.includes(declared.scope));
  for (const [name, setting] of place.settings) {
    const declared = allowed.find((candidate) => candidate.name === name);
    const path = [...place.path, name];
    if (declared === undefined) {
      const names = allowed.map((candidate) => candidate.name).join(", ") || "none";
      throw config.error(
        path,
        `merge method "${method.name}" has no parameter "${name}" here, expected: ${names}`,
      );
    }
    for (const value of scalars(setting)) {
      const found = typeof value;
      if (found !== declared.type) {
        throw config.error(path, `parameter "${name}" holds ${value}, expected a ${declared.type}`);
      }
    }
  }
}

function scalars(setting: Setting): readonly Scalar[] {
  const values = setting.kind === "plain" ? [setting.value] : setting.entries.map((entry) => entry.value);
  return values.flatMap((value) => value);
}

export interface StepValues {
  readonly values: ParameterValues;
  /** Of the first tensor parameter. */
  readonly filter: string | null;
  readonly modelValues: readonly ParameterValues[];
}

/** Resolves step by step and remembers what had no value. */
export class StepParameters {
  readonly #config: MergeConfig;
  readonly #method: MergeMethod;
  readonly #missing = new Map<string, string[]>();

  constructor(config: MergeConfig, method: MergeMethod) {
    this.#config = config;
    this.#method = method;
  }

  resolve(tensor: LayoutTensor): StepValues {
    const wide = [tensor.slice.slice.parameters, this.#config.parameters];
    const values: Record<string, Scalar> = {};
    let filter: string | null | undefined;
    for (const declared of this.#method.parameters.filter((p) => p.scope === "tensor")) {
      const resolved = resolveParameter(declared.name, wide, tensor.name, tensor.position);
      if (filter === undefined) filter = resolved?.filter ?? null;
      values[declared.name] = this.#value(declared, resolved, tensor.name);
    }
    const modelValues = tensor.inputs.map(({ source, tensor: inputName }) => {
      const isBase = source.model === tensor.slice.baseModel;
      const own: Record<string, Scalar> = {};
      for (const declared of this.#method.parameters.filter((p) => p.scope === "model")) {
        const places = [source.parameters, ...wide];
        const resolved = resolveParameter(declared.name, places, inputName, tensor.position);
        if (resolved === undefined && isBase) continue; // the base model needs none
        own[declared.name] = this.#value(declared, resolved, tensor.name);
      }
      return own;
    });
    return { values, filter: filter ?? null, modelValues };
  }

  #value(declared: ParameterDeclaration, resolved: ResolvedParameter | undefined, tensor: string): Scalar {
    const value = resolved?.value ?? declared.fallback;
    if (value !== null) return value;
    const missing = this.#missing.get(declared.name);
    if (missing === undefined) this.#missing.set(declared.name, [tensor]);
    else missing.push(tensor);
    return NaN; // never used: throwIfMissing() stands between this and the first step
  }

  throwIfMissing(): void {
    for (const [name, tensors] of this.#missing) throw this.#missingError(name, tensors);
  }

  #missingError(name: string, [first, ...others]: readonly string[]): ConfigError {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return this.#config.error(
      ["parameters", name],
      `parameter "${name}" has no value for tensor "${first}"${more}`,
    );
  }
}
