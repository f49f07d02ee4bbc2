/**
 * Every migration by name, oldest first: a static record, so that nothing is read from disk at run time. Names are
 * written into the database and sort in the order they run; an entry never changes once it has landed.
 */
import type { Migration } from "kysely/migration";
import { initial } from "./0001_initial.ts";
import { mergeRuns } from "./0002_merge_runs.ts";
import { access } from "./0003_access.ts";
import { catalogue } from "./0004_catalogue.ts";
import { sessionTrees } from "./0005_sessions.ts";
import { jobOwners } from "./0006_job_owners.ts";
import { watchers } from "./0007_watchers.ts";

/** Name to migration, in the order they run. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = Object.freeze({
  "0001_initial": initial,
  "0002_merge_runs": mergeRuns,
  "0003_access": access,
  "0004_catalogue": catalogue,
  "0005_sessions": sessionTrees,
  "0006_job_owners": jobOwners,
  "0007_watchers": watchers,
});
