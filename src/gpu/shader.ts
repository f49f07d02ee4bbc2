/**
 * WGSL text from shaders/. Library functions are appended, never prepended, so that line numbers in errors are those
 * of the file; an `enable` directive of a library moves to the front of the first line, where WGSL wants it. A library has
 * another in the place of a line `//! use NAME`: what several choices of a slot share, and others must not have.
 */
import { unroll, type UnrollConstants } from "./unroll.ts";

const ROOT = new URL("../../shaders/", import.meta.url);
const texts = new Map<string, string>();

const USE = /^\/\/! use (\w+)$/gm;

/** The text of `shaders/<path>.wgsl` with what it uses, read once. */
export function shaderText(path: string): string {
  let text = texts.get(path);
  if (text === undefined) {
    text = Deno.readTextFileSync(new URL(`${path}.wgsl`, ROOT))
      .replace(USE, (_, lib) => shaderText(`lib/${lib}`));
    texts.set(path, text);
  }
  return text;
}

/** `shaders/<name>.wgsl` followed by `shaders/lib/<lib>.wgsl` of each library, unrolled with the kernel's overrides. */
export function readShader(name: string, libs: readonly string[], overrides: UnrollConstants): string {
  const directives = new Set<string>();
  const parts = libs.map((lib) =>
    shaderText(`lib/${lib}`).replace(/^enable [\w, ]+;/gm, (directive) => {
      directives.add(directive);
      return "";
    })
  );
  const text = [[...directives].join(" ") + shaderText(name), ...parts].join("\n");
  try {
    return unroll(text, overrides);
  } catch (error) {
    throw new Error(`Cannot unroll shader "${name}"`, { cause: error });
  }
}
