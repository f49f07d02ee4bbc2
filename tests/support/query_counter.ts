/** Counts what a database is asked, and what it hands out. */
import type { KyselyPlugin } from "kysely";

export class QueryCounter implements KyselyPlugin {
  queries = 0;
  rows = 0;

  readonly transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => {
    this.queries++;
    return node;
  };

  readonly transformResult: KyselyPlugin["transformResult"] = ({ result }) => {
    this.rows += result.rows.length;
    return Promise.resolve(result);
  };

  /** Queries since the last call. */
  take(): number {
    const { queries } = this;
    this.queries = 0;
    return queries;
  }
}
