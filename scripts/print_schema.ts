/**
 * Writes schema/schema.graphql, sorted, so that a change of the public contract shows in a diff. With `--check`
 * it writes nothing and fails where the file does not match the code.
 */
import { lexicographicSortSchema, printSchema } from "graphql";
import { buildSchema } from "../schema/index.ts";

const path = new URL("../schema/schema.graphql", import.meta.url);
const printed = printSchema(lexicographicSortSchema(buildSchema())) + "\n";

if (Deno.args.includes("--check")) {
  const committed = await Deno.readTextFile(path).catch(() => "");
  if (committed !== printed) {
    console.error("schema/schema.graphql does not match the code: run deno run -A scripts/print_schema.ts");
    Deno.exit(1);
  }
} else {
  await Deno.writeTextFile(path, printed);
}
