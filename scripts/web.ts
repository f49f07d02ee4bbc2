/**
 * Builds the console: `web/src` becomes `web/dist`, which is committed, so that a gateway starts without a build. With
 * `--check` it writes nothing and fails where what is committed is not what the source gives, byte by byte.
 */
/// <reference lib="deno.unstable" />
import { createHash } from "node:crypto";
import { posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { compileOperations, type SourceText } from "./web_operations.ts";

const ROOT = new URL("../", import.meta.url);
const SOURCE = new URL("web/src/", ROOT);
const DIST = new URL("web/dist/", ROOT);

/** Files by path within `web`. */
type Files = Map<string, string>;

async function textsOf(folder: URL, ending: string): Promise<SourceText[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(ending)) names.push(name);
  return await Promise.all(
    names.sort().map(async (name) => ({ path: name, text: await Deno.readTextFile(new URL(name, folder)) })),
  );
}

/** `web/src/operations/generated.ts` and the list of operations for the gateway. */
async function operations(): Promise<Files> {
  const sdl = await Deno.readTextFile(new URL("schema/schema.graphql", ROOT));
  const { module, manifest } = await compileOperations(
    sdl,
    await textsOf(new URL("operations/", SOURCE), ".graphql"),
  );
  return new Map([
    ["src/operations/generated.ts", module],
    ["dist/operations.json", `${JSON.stringify(manifest, null, 1)}\n`],
  ]);
}

/** The page and what it loads. The names under `assets/` carry a hash of the contents. */
async function site(): Promise<Files> {
  const files: Files = new Map();
  const asset = (name: string, ending: string, text: string): string => {
    const hash = sha256(text).slice(0, 12);
    const path = `assets/${name}-${hash}.${ending}`;
    files.set(`dist/${path}`, text);
    return `/${path}`;
  };
  const scripts = withOwnNames(await bundle());
  const main = asset("console", "js", scripts.get("main.js")!);
  for (const [name, text] of scripts) if (name !== "main.js") files.set(`dist/assets/${name}`, text);
  const styles = (await textsOf(new URL("styles/", SOURCE), ".css")).map(({ text }) => minifiedCss(text))
    .join("");
  const replacements: Readonly<Record<string, string>> = {
    "{{main}}": main,
    "{{styles}}": asset("console", "css", styles),
    "{{theme}}": asset("theme", "js", await Deno.readTextFile(new URL("theme.js", SOURCE))),
    "{{icon}}": asset("icon", "svg", await Deno.readTextFile(new URL("icon.svg", SOURCE))),
  };
  const page = await Deno.readTextFile(new URL("index.html", SOURCE));
  files.set(
    "dist/index.html",
    page.replace(/\{\{\w+\}\}/g, (name) => replacements[name] ?? fail(`No ${name}`)),
  );
  return files;
}

/** Scripts by name; what is loaded later has a hash in its name already. */
async function bundle(): Promise<Files> {
  const result = await Deno.bundle({
    entrypoints: [fileURLToPath(new URL("main.tsx", SOURCE))],
    outputDir: fileURLToPath(new URL("assets/", DIST)),
    platform: "browser",
    format: "esm",
    minify: true,
    codeSplitting: true,
    write: false,
  });
  if (!result.success) fail(result.errors.map(({ text }) => text).join("\n"));
  const decoder = new TextDecoder();
  return new Map(
    (result.outputFiles ?? []).map((file) => [posix.basename(file.path), decoder.decode(file.contents)]),
  );
}

/**
 * The bundler's hashes depend on where the source lies. These depend on what is in a script and in all that it reaches,
 * which may reach back: names are left out of what is hashed.
 */
function withOwnNames(scripts: Files): Files {
  const names = [...scripts.keys()];
  const stem = (name: string) => name.replace(/(-[A-Z0-9]{8})?\.js$/, "");
  const reached = new Map(
    names.map((name) => [name, names.filter((other) => scripts.get(name)!.includes(`"./${other}"`))]),
  );
  const renamed = (text: string, to: (name: string) => string) =>
    names.reduce((result, name) => result.replaceAll(`"./${name}"`, `"./${to(name)}"`), text);
  const own = new Map(names.map((name) => [name, sha256(renamed(scripts.get(name)!, stem))]));
  const final = new Map(names.map((name) => {
    const closure = new Set([name]);
    for (const each of closure) for (const other of reached.get(each)!) closure.add(other);
    const hash = sha256([own.get(name), ...[...closure].map((each) => own.get(each)).sort()].join());
    return [name, name === "main.js" ? name : `${stem(name)}-${hash.slice(0, 12)}.js`];
  }));
  return new Map(
    names.map((name) => [final.get(name)!, renamed(scripts.get(name)!, (each) => final.get(each)!)]),
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Comments, line ends and indentation go; nothing that could change a meaning. */
function minifiedCss(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\s*\n\s*/g, "\n").replace(/\s*([{};])\s*/g, "$1")
    .replace(/;\}/g, "}").trim();
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(1);
}

async function committed(): Promise<Files> {
  const files: Files = new Map();
  async function read(folder: URL): Promise<void> {
    for await (const entry of Deno.readDir(folder)) {
      const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
      if (entry.isDirectory) await read(url);
      else {files.set(
          relative(fileURLToPath(new URL("web/", ROOT)), fileURLToPath(url)),
          await Deno.readTextFile(url),
        );}
    }
  }
  await read(DIST).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const generated = "src/operations/generated.ts";
  files.set(generated, await Deno.readTextFile(new URL(`web/${generated}`, ROOT)).catch(() => ""));
  return files;
}

async function write(files: Files): Promise<void> {
  for (const [path, text] of files) {
    const url = new URL(`web/${path}`, ROOT);
    await Deno.mkdir(new URL("./", url), { recursive: true });
    await Deno.writeTextFile(url, text);
  }
}

const made = await operations().catch((error: Error) => fail(error.message));
const before = await committed();
if (Deno.args.includes("--check")) {
  // What is bundled is what lies there; where it is stale, that is said below.
  const files = new Map([...made, ...await site()]);
  const differing = [...new Set([...files.keys(), ...before.keys()])]
    .filter((path) => files.get(path) !== before.get(path)).sort();
  if (differing.length > 0) {
    fail(
      `web/dist does not match its source: run deno task web\n  ${
        differing.map((path) => `web/${path}`).join("\n  ")
      }`,
    );
  }
  console.log(`web/dist: ${files.size} files as built`);
} else {
  // The bundle imports what the operations give.
  await write(made);
  const files = await site();
  for (const path of before.keys()) {
    if (path.startsWith("dist/") && !files.has(path) && !made.has(path)) {
      await Deno.remove(new URL(`web/${path}`, ROOT));
    }
  }
  await write(files);
  console.log(`web/dist: ${files.size + 1} files`);
}
