/**
 * Loads @mlc-ai/web-xgrammar, whose package calls itself a module and is not one, and bounds its memory. The library ends
 * by `abort()` where a grammar is not to its liking, having printed why: {@link explain} has the words. After that
 * nothing of the instance is to be trusted, so only a thread that is thrown away may load it.
 */
import { createRequire } from "node:module";
import type * as XGrammar from "@mlc-ai/web-xgrammar";

/** A page of WebAssembly memory is 64 KiB. Tokenizer and a large grammar take some 60 MB. */
const MAX_PAGES = 512 * 16;

let lastError = "";

export function loadLibrary(): typeof XGrammar {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages: number): number {
    if (this.buffer.byteLength / 65_536 + pages > MAX_PAGES) throw new RangeError("Out of memory");
    return grow.call(this, pages);
  };
  // Bound by the library when it loads.
  console.error = (...words: unknown[]) => {
    const text = words.join(" ");
    if (text.includes("[FATAL]")) {
      lastError = text.replace(/^\[FATAL\] \S+?:\d+: (Check failed: .*? is false: )?/, "");
    }
  };
  console.warn = () => {};
  console.log = () => {};
  const url = new URL(import.meta.resolve("@mlc-ai/web-xgrammar"));
  const module = { exports: {} };
  const names = ["exports", "module", "require", "__filename", "__dirname"] as const;
  new Function(...names, Deno.readTextFileSync(url))(
    module.exports,
    module,
    createRequire(url),
    url.pathname,
    new URL(".", url).pathname,
  );
  return module.exports as typeof XGrammar;
}

/** What the library said before it gave up, short. */
export function explain(error: unknown): string {
  const text = lastError || (error instanceof RangeError ? error.message : "The library gave up");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
