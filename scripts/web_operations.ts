/**
 * The console's operations: `web/src/operations/*.graphql` against `schema/schema.graphql`. Gives their TypeScript
 * types, their texts with the fragments they use, and the list of texts by hash that the gateway accepts from anybody.
 */
import { createHash } from "node:crypto";
import { plugin as typescriptOperations } from "@graphql-codegen/typescript-operations";
import {
  buildSchema,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  Source,
  validate,
  visit,
} from "graphql";

export interface SourceText {
  readonly path: string;
  readonly text: string;
}

export interface WebOperations {
  /** The module `generated.ts`. */
  readonly module: string;
  /** Text by SHA-256, in lower-case hexadecimal digits. */
  readonly manifest: Readonly<Record<string, string>>;
}

/** Throws an Error that names each problem with file and line where an operation does not fit the schema. */
export async function compileOperations(sdl: string, sources: readonly SourceText[]): Promise<WebOperations> {
  const schema = buildSchema(sdl);
  const documents = sources.map(({ path, text }) => ({
    location: path,
    document: parse(new Source(text, path)),
  }));
  const whole: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: documents.flatMap(({ document }) => document.definitions),
  };
  const problems = validate(schema, whole);
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.toString()).join("\n\n"));

  const config = { enumsAsTypes: true, immutableTypes: true, scalars: SCALARS };
  const types = await typescriptOperations(schema, documents, config, {});
  const fragments = new Map(
    whole.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION).map((
      node,
    ) => [node.name.value, node]),
  );
  const operations = whole.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({ node, text: withFragments(node, fragments) }))
    .map(({ node, text }) => ({ node, text, sha256: createHash("sha256").update(text).digest("hex") }));
  const header = "/** Made by `deno task web` from the .graphql files beside it. */\n" +
    'import type { Operation } from "../lib/operation.ts";\n';
  const body = typeof types === "string" ? types : [...types.prepend ?? [], types.content].join("\n");
  return {
    module: [header, body, ...operations.map(constant)].join("\n"),
    manifest: Object.fromEntries(
      operations.map(({ sha256, text }) => [sha256, text] as const).sort(([a], [b]) => a < b ? -1 : 1),
    ),
  };
}

const SCALARS = { BigInt: "string", DateTime: "string", Sha256: "string", ID: "string" };

function constant(operation: {
  readonly node: OperationDefinitionNode;
  readonly text: string;
  readonly sha256: string;
}): string {
  const name = operation.node.name?.value;
  if (name === undefined) throw new Error("Every operation of the console needs a name");
  const kind = operation.node.operation;
  const type = `${name}${kind[0]!.toUpperCase()}${kind.slice(1)}`;
  return `export const ${name}: Operation<${type}, ${type}Variables> = ` +
    `${JSON.stringify({ name, kind, sha256: operation.sha256, text: operation.text })};\n`;
}

/** The operation and, behind it, the fragments that it reaches, in a stable order. */
function withFragments(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): string {
  const reached = new Set<FragmentDefinitionNode>();
  const collect = (node: OperationDefinitionNode | FragmentDefinitionNode) =>
    void visit(node, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value)!;
        if (reached.has(fragment)) return;
        reached.add(fragment);
        collect(fragment);
      },
    });
  collect(operation);
  return [operation, ...reached].map(print).join("\n\n");
}
