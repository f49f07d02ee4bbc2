/** The plan of every document of a configuration: what would be read, computed and written; nothing is. */
import type { ArchitectureDefinition } from "./architecture_definition.ts";
import type { MergeConfig } from "./merge_config.ts";
import { findParents, readMergeConfig } from "./find_parents.ts";
import type { ModelResolver } from "./model_paths.ts";
import { modelNames, planMerge } from "./plan.ts";
import { type PlanReport, reportPlan } from "./plan_report.ts";

export interface PlanDocumentsOptions {
  readonly config: string;
  readonly configName: string;
  readonly resolve: ModelResolver;
  readonly architectures?: readonly ArchitectureDefinition[];
  readonly shardBytes?: number;
  readonly signal: AbortSignal;
}

export interface DocumentPlan {
  /** Of a stage; null for the document that makes the output. */
  readonly name: string | null;
  /** Null where it builds on the result of a stage, and can be planned only when that is there. */
  readonly report: PlanReport | null;
}

/** In the order of merging. Throws what is wrong with it; `details.problems` holds all of it: of form, methods and parents,
 * else of parameters and parents, else of the first document whose models do not fit. */
export async function planDocuments(options: PlanDocumentsOptions): Promise<readonly DocumentPlan[]> {
  const config = await readMergeConfig(options.config, options.configName, options.resolve);
  const made = new Set(config.before.map(({ name }) => name));
  const { resolve } = await findParents([...config.before, config], options.resolve, made);
  const documents: DocumentPlan[] = [];
  for (const document of [...config.before, config]) {
    const isPlannable = !modelNames(document).some((name) => made.has(name));
    const name = document === config ? null : document.name;
    documents.push({
      name,
      report: isPlannable ? await planDocument(document, { ...options, resolve }) : null,
    });
  }
  return documents;
}

async function planDocument(document: MergeConfig, options: PlanDocumentsOptions): Promise<PlanReport> {
  const { architectures = [], shardBytes, signal } = options;
  using plan = await planMerge(document, options.resolve, { architectures, signal });
  return await reportPlan(plan, { ...(shardBytes !== undefined && { shardBytes }), signal });
}
