/**
 * Holds the source against its architecture: every folder imports only from itself and from folders above it in the
 * list, no files import each other in a circle, only the composition root imports the schema, and no source file outgrows
 * 400 lines. Prints each violation as `file:line: what` and exits 1 when there is one.
 */
import { dirname, posix, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** From the top down: a layer may import from those before it. The README draws the same list. */
export const LAYERS = [
  "src/errors.ts",
  "src/version.ts",
  "src/byte_size.ts",
  "src/tensor",
  "src/formats",
  "src/hub",
  "src/tokenizer",
  "src/constraint",
  "src/merge",
  "src/gpu",
  "src/kernels",
  "src/model",
  "src/engine",
  "migrations",
  "src/store",
  "src/app",
  "schema",
  "src/server",
  "src/cli",
  "src/main.ts",
] as const;

/** src/server and src/cli receive the built schema; only src/main.ts may import it. */
const SCHEMA_READERS: ReadonlySet<string> = new Set(["schema", "src/main.ts"]);
const MAX_LINES = 400;

/** The layer a path (relative to the root, with slashes) belongs to; -1 when it is in none. */
export function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => path === layer || path.startsWith(`${layer}/`));
}

/** Violations of one file, each `path:line: what`. */
export function violations(path: string, source: string): string[] {
  const found: string[] = [];
  const own = layerOf(path);
  if (own < 0) return [`${path}:1: belongs to no layer; add its folder to the picture first`];
  const lines = source.split("\n");
  if (lines.length - 1 > MAX_LINES) {
    found.push(`${path}:1: has ${lines.length - 1} lines, at most ${MAX_LINES}`);
  }
  for (const { specifier, line } of imports(source)) {
    if (!specifier.startsWith(".")) continue;
    const target = posix.join(posix.dirname(path), specifier);
    const other = layerOf(target);
    if (other < 0) found.push(`${path}:${line}: imports ${target}, which belongs to no layer`);
    else if (other > own) {
      found.push(`${path}:${line}: imports ${target}; ${LAYERS[own]} lies above ${LAYERS[other]}`);
    } else if (LAYERS[other] === "schema" && !SCHEMA_READERS.has(LAYERS[own]!)) {
      found.push(`${path}:${line}: imports ${target}; only src/main.ts wires the schema`);
    }
  }
  return found;
}

/** The imports that close a circle, each `path:line: what`, of all files by their paths. Types count: they are read, too. */
export function circles(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    way.push(path);
    for (const { specifier, line } of imports(sources.get(path)!)) {
      const target = posix.join(posix.dirname(path), specifier);
      if (!specifier.startsWith(".") || !sources.has(target)) continue;
      const start = way.indexOf(target);
      if (start >= 0) {
        const circle = [...way.slice(start), target].join(" → ");
        found.push(`${path}:${line}: closes a circle of imports: ${circle}`);
      } else if (!done.has(target)) visit(target);
    }
    way.pop();
    done.add(path);
  };
  for (const path of sources.keys()) {
    if (!done.has(path)) visit(path);
  }
  return found;
}

/** Static and dynamic imports, re-exports and worker URLs, with their line numbers. */
function imports(source: string): { specifier: string; line: number }[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)["']([^"']+\.tsx?)["']/g;
  return [...source.matchAll(pattern)].map((match) => ({
    specifier: match[1]!,
    line: source.slice(0, match.index).split("\n").length,
  }));
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

if (import.meta.main) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const sources = new Map<string, string>();
  for (const folder of ["src", "schema", "migrations"]) {
    for await (const file of sourceFiles(resolve(root, folder))) {
      sources.set(relative(root, file).replaceAll("\\", "/"), await Deno.readTextFile(file));
    }
  }
  const found = [...sources].flatMap(([path, source]) => violations(path, source)).concat(circles(sources));
  for (const violation of found) console.error(violation);
  console.log(`${sources.size} files, ${found.length} violations of the layers`);
  if (found.length > 0) Deno.exit(1);
}
