/**
 * Builds the console: `web/src` becomes `web/dist`, which is committed, so that a gateway starts without a build. With
 * `--check` it writes nothing and fails where what is committed is not what the source gives, byte by byte.
 */
import { createHash } from "node:crypto";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import graphiqlStyles from "graphiql/style.css" with { type: "text" };
import { compileOperations, type SourceText } from "./web_operations.ts";
import { type BundleOptions, bundleScripts } from "./web_scripts.ts";

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

/** The pages and what they load. The names under `assets/` carry a hash of the contents, or of what a script reaches. */
async function site(): Promise<Files> {
  const files: Files = new Map();
  const asset = (name: string, ending: string, text: string): string => {
    const path = `assets/${name}-${sha256(text).slice(0, 12)}.${ending}`;
    files.set(`dist/${path}`, text);
    return `/${path}`;
  };
  const scripts = async (entry: string, options: BundleOptions): Promise<string> => {
    const { main, texts } = await bundleScripts(new URL(entry, SOURCE), options);
    for (const [name, text] of texts) files.set(`dist/assets/${name}`, text);
    return `/assets/${main}`;
  };
  const own = async (path: string) => await Deno.readTextFile(new URL(path, SOURCE));
  const styles = (await textsOf(new URL("styles/", SOURCE), ".css")).map(({ text }) => text);
  const replacements: Readonly<Record<string, string>> = {
    main: await scripts("main.tsx", { name: "console", split: true }),
    styles: asset("console", "css", styles.map(minifiedCss).join("")),
    explorer: await scripts("explorer/main.ts", {
      name: "explorer",
      split: false,
      standIns: { "react-remove-scroll-bar/constants": new URL("explorer/scroll_bar.ts", SOURCE) },
    }),
    "explorer styles": asset("explorer", "css", explorerStyles(await own("explorer/explorer.css"))),
    theme: asset("theme", "js", await own("theme.js")),
    icon: asset("icon", "svg", await own("icon.svg")),
  };
  for (const name of ["index.html", "explorer.html"]) {
    const page = (await own(name)).replace(
      /\{\{([\w ]+)\}\}/g,
      (_, key) => replacements[key] ?? fail(`No ${key}`),
    );
    files.set(`dist/${name}`, page);
  }
  return files;
}

/** GraphiQL's own style without its fonts, which are nine tenths of it, and what is ours behind that. */
function explorerStyles(own: string): string {
  return graphiqlStyles.replace(/@font-face\s*\{[^}]*\}/g, "").trim() + minifiedCss(own);
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
