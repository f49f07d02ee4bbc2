/** Bundles the scripts of a page of the console, and names them after what is in them. */
/// <reference lib="deno.unstable" />
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

export interface Scripts {
  /** Of the script that the page loads itself. */
  readonly main: string;
  /** Texts by file name; every name carries a hash. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface BundleOptions {
  /** What the page's own script is called, before its hash. */
  readonly name: string;
  /** Whether what is imported by `import(…)` is a file of its own, loaded when it is needed. */
  readonly split: boolean;
  /** Modules that stand in for those which the bundler cannot find, by what imports call these. */
  readonly standIns?: Readonly<Record<string, URL>>;
}

/** Throws an Error with the bundler's messages. */
export async function bundleScripts(entry: URL, options: BundleOptions): Promise<Scripts> {
  const standIns = Object.entries(options.standIns ?? {});
  const result = await Deno.bundle({
    entrypoints: [entry, ...standIns.map(([, url]) => url)].map((url) => fileURLToPath(url)),
    outputDir: fileURLToPath(new URL("bundled/", entry)),
    external: standIns.map(([name]) => name),
    platform: "browser",
    format: "esm",
    minify: true,
    codeSplitting: options.split,
    write: false,
  });
  if (!result.success) throw new Error(result.errors.map(({ text }) => text).join("\n"));
  const decoder = new TextDecoder();
  const scripts = new Map((result.outputFiles ?? []).map(({ path, contents }) => {
    const text = standIns.reduce(
      (text, [name, url]) =>
        text.replaceAll(`"${name}"`, `"./${posix.basename(url.pathname).replace(/\.tsx?$/, ".js")}"`),
      decoder.decode(contents),
    );
    return [posix.basename(path), text];
  }));
  return withOwnNames(scripts, posix.basename(entry.pathname).replace(/\.tsx?$/, ".js"), options.name);
}

/**
 * The bundler's hashes depend on where the source lies. These depend on what is in a script and in all that it reaches,
 * which may reach back: names are left out of what is hashed. The page's own script, which none reaches, is named after
 * its final text.
 */
function withOwnNames(scripts: ReadonlyMap<string, string>, main: string, mainStem: string): Scripts {
  const names = [...scripts.keys()];
  const stem = (name: string) => name.replace(/(-[A-Z0-9]{8})?\.js$/, "");
  const reached = new Map(
    names.map((name) => [name, names.filter((other) => scripts.get(name)!.includes(`"./${other}"`))]),
  );
  if ([...reached.values()].flat().includes(main)) throw new Error(`A script imports "${main}"`);
  const renamed = (name: string, to: (name: string) => string) =>
    names.reduce((text, each) => text.replaceAll(`"./${each}"`, `"./${to(each)}"`), scripts.get(name)!);
  const own = new Map(names.map((name) => [name, sha256(renamed(name, stem))]));
  const final = new Map(names.map((name) => {
    const closure = new Set([name]);
    for (const each of closure) for (const other of reached.get(each)!) closure.add(other);
    const hash = sha256([own.get(name), ...[...closure].map((each) => own.get(each)).sort()].join());
    return [name, `${stem(name)}-${hash.slice(0, 12)}.js`];
  }));
  const texts = names.map((name) => [name, renamed(name, (each) => final.get(each)!)] as const);
  const nameOf = (name: string, text: string) =>
    name === main ? `${mainStem}-${sha256(text).slice(0, 12)}.js` : final.get(name)!;
  return {
    main: nameOf(main, texts.find(([name]) => name === main)![1]),
    texts: new Map(texts.map(([name, text]) => [nameOf(name, text), text])),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
