/** `geodesic migrate`: brings the database of a data folder up to this version. */
import { openStore } from "../store/open.ts";
import type { Command } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";

export const migrateCommand: Command = {
  name: "migrate",
  summary: "Make the database, or bring it up to this version",
  positionals: [],
  options: {
    data: dataDirOption,
    json: { type: "boolean", description: "Print the names of the migrations, and errors, as JSON" },
  },
  notes: "start and serve do this by themselves.",
  async run(invocation) {
    const dataDir = dataDirOf(invocation);
    let migrations: readonly string[] = [];
    const db = await openStore(dataDir, { onMigrated: (names) => migrations = names });
    await db.destroy();
    invocation.terminal.print(
      invocation.flag("json")
        ? JSON.stringify({ dataDir, migrations })
        : migrationSummary(dataDir, migrations),
    );
    return EXIT.done;
  },
};

/** One line about what opening the store has done. */
export function migrationSummary(dataDir: string, migrations: readonly string[]): string {
  return migrations.length === 0
    ? `Database in ${dataDir}: up to date`
    : `Database in ${dataDir}: migrated (${migrations.join(", ")})`;
}
