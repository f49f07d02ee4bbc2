/**
 * Writes schema/schema.graphql, sorted, so that a change of the public contract shows in a diff. With `--check`
 * it writes nothing, and fails where the file does not match the code, or where clients of the last release would break
 * (schema_changes.ts). `--release` makes what there is now the last release.
 */
import { lexicographicSortSchema, printSchema } from "graphql";
import { buildSchema } from "../schema/index.ts";
import { parseAcceptedChanges, schemaComplaints } from "./schema_changes.ts";

const file = (name: string) => new URL(`../schema/${name}`, import.meta.url);
const schema = buildSchema();
const printed = printSchema(lexicographicSortSchema(schema)) + "\n";

if (Deno.args.includes("--check")) {
  const complaints: string[] = [];
  if (await Deno.readTextFile(file("schema.graphql")).catch(() => "") !== printed) {
    complaints.push("schema/schema.graphql does not match the code: run deno task schema");
  }
  const accepted = parseAcceptedChanges(await Deno.readTextFile(file("accepted_changes.json")));
  const changes = schemaComplaints(await Deno.readTextFile(file("released.graphql")), schema, accepted);
  if (changes.length > 0) {
    complaints.push(
      ...changes,
      "Add fields instead, or name the change with a reason in schema/accepted_changes.json",
    );
  }
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) Deno.exit(1);
} else if (Deno.args.includes("--release")) {
  await Deno.writeTextFile(file("released.graphql"), printed);
  await Deno.writeTextFile(file("accepted_changes.json"), "[]\n");
} else {
  await Deno.writeTextFile(file("schema.graphql"), printed);
}
