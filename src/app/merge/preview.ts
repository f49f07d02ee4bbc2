/** What a merge would do, before anybody starts it: the plan, or everything that stands against it. Writes nothing. */
import { CapacityError, GeodesicError } from "../../errors.ts";
import { problemsOf } from "../../merge/problems.ts";
import { type DocumentPlan, planDocuments } from "../../merge/plan_documents.ts";
import type { MergePreview, MergeProblem } from "../merge_types.ts";
import { requireRole } from "../roles.ts";
import type { Principal } from "../types.ts";
import { type ParentOptions, parentResolver } from "./parents.ts";

/** How problems call the text; what they point at is told apart from what they say. */
const CONFIG_NAME = "configYaml";
const PLACE_PATTERN = new RegExp(`^${CONFIG_NAME}:(\\d+):(\\d+): `);
/** Plans take the disk, and a tensor's worth of arithmetic: nobody else's generations should wait for dozens. */
const MAX_AT_ONCE = 2;
const RETRY_AFTER_MS = 2000;

/** One for each gateway: it counts who is planning. */
export function mergePreviewer(options: ParentOptions) {
  let running = 0;
  return async (
    principal: Principal,
    { configYaml, signal }: { readonly configYaml: string; readonly signal: AbortSignal },
  ): Promise<MergePreview> => {
    requireRole(principal, "GENERATOR", "plan merges");
    if (running >= MAX_AT_ONCE) {
      throw new CapacityError(`Cannot plan another merge: ${MAX_AT_ONCE} are being planned`, {
        ...{ running, retryAfterMs: RETRY_AFTER_MS },
      });
    }
    running++;
    try {
      const resolve = parentResolver(options);
      return toPreview(await planDocuments({ config: configYaml, configName: CONFIG_NAME, resolve, signal }));
    } catch (error) {
      if (!(error instanceof GeodesicError)) throw error;
      return { problems: problemsOf(error).map((message) => toProblem(message, error.code)), documents: [] };
    } finally {
      running--;
    }
  };
}

function toProblem(text: string, code: string): MergeProblem {
  const [place = "", line, column] = PLACE_PATTERN.exec(text) ?? [];
  return {
    code,
    message: text.slice(place.length),
    line: line === undefined ? null : Number(line),
    column: column === undefined ? null : Number(column),
  };
}

/** Folders of this machine are nobody's business who may only generate. */
function toPreview(documents: readonly DocumentPlan[]): MergePreview {
  return {
    problems: [],
    documents: documents.map(({ name, report }) => ({
      name,
      plan: report === null ? null : {
        method: report.method,
        baseModel: report.baseModel,
        dtype: report.dtype,
        layers: report.layers,
        models: report.models.map(({ name, weightBytes }) => ({ name, weightBytes })),
        files: report.files,
        tensors: report.tensors.map((
          { name, layer, operation, filter, parameters, dtype, shape, inputs, writeBytes },
        ) => ({
          ...{ name, layer, operation, filter, dtype, shape, writeBytes },
          t: typeof parameters["t"] === "number" ? parameters["t"] : null,
          readBytes: inputs.reduce((sum, input) => sum + input.readBytes, 0),
        })),
        hashBytes: report.hashBytes,
        readBytes: report.readBytes,
        writeBytes: report.writeBytes,
        estimatedSeconds: report.estimatedSeconds,
      },
    })),
  };
}
