/** Assembles the schema. Importing a domain's file adds its types to the builder. */
import type { GraphQLSchema } from "graphql";
import { builder } from "./builder.ts";
import "./scalars.ts";
import "./models.ts";
import "./model_changes.ts";
import "./model_jobs.ts";
import "./merges.ts";
import "./merge_runs.ts";
import "./merge_plan.ts";
import "./sessions.ts";
import "./generations.ts";
import "./subscriptions.ts";
import "./sampling_defaults.ts";
import "./runtime.ts";
import "./usage.ts";
import "./viewer.ts";
import "./api_keys.ts";
import "./audit.ts";
import { translateErrors } from "./translate.ts";

/** The schema, over `RequestContext` (src/app/request.ts). */
export function buildSchema(): GraphQLSchema {
  // In the order of the source, which is the order to read it in; only schema.graphql is sorted.
  return translateErrors(builder.toSchema({ sortSchema: false }));
}
