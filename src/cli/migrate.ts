/** `geodesic migrate`: brings the database of a data folder up to this version. */
import { describeStore } from "../store/open.ts";
import type { Command } from "./command.ts";
import { dataDirOf, dataDirOption, openInvocationStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";

export const migrateCommand: Command = {
  name: "migrate",
  summary: "Make the database, or bring it up to this version",
  positionals: [],
  options: {
    data: dataDirOption,
    json: { type: "boolean", description: "Print the names of the migrations, and errors, as JSON" },
  },
  notes:
    "start and serve do this by themselves. The database of a folder is not changed under a gateway that serves it.\n" +
    "DATABASE_URL names a PostgreSQL database to use in place of the data folder's.",
  async run(invocation) {
    const dataDir = dataDirOf(invocation);
    let migrations: readonly string[] = [];
    const db = await openInvocationStore(invocation, { onMigrated: (names) => migrations = names });
    await db.destroy();
    invocation.terminal.print(
      invocation.flag("json")
        ? JSON.stringify({ dataDir, migrations })
        : migrationSummary(await describeStore(dataDir, invocation.terminal.databaseUrl), migrations),
    );
    return EXIT.done;
  },
};

/** One line about what opening the store has done. */
export function migrationSummary(where: string, migrations: readonly string[]): string {
  return migrations.length === 0
    ? `Database in ${where}: up to date`
    : `Database in ${where}: migrated (${migrations.join(", ")})`;
}
