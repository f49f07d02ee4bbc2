/** A real Chromium for tests of the console, and pages in it that notice what must not happen. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { findBrowser } from "../../scripts/browser.ts";

const path = await findBrowser();

/** Where there is no browser these tests are ignored, but for CI, where that is a failure. */
export const hasBrowser = path !== null || Deno.env.get("CI") !== undefined;
if (path === null) {
  console.error(
    "The console is not tested in a browser: there is no Chromium. See scripts/prepare_browser.ts.",
  );
}

export async function launchBrowser(): Promise<Browser> {
  if (path === null) throw new Error("There is no Chromium; scripts/prepare_browser.ts installs it");
  // Told that it is tested, playwright does not look in /proc for Windows, which only --allow-all would let it.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  // Root may not have Chromium's own sandbox; what is loaded is ours.
  return await chromium.launch({ executablePath: path, args: ["--no-sandbox", "--disable-gpu"] });
}

/** A page of its own context, and what went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors on the console and in scripts, refusals of the Content-Security-Policy, and requests that left the origin. */
  readonly faults: readonly string[];
}

export async function newPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions & { readonly key?: string; readonly script?: string } = {},
): Promise<WatchedPage> {
  const { key, script, ...rest } = options;
  const context = await browser.newContext({ baseURL: origin, reducedMotion: "reduce", ...rest });
  context.setDefaultTimeout(30_000);
  if (key !== undefined) {
    await context.addInitScript((value) => sessionStorage.setItem("geodesic.key", value), key);
  }
  if (script !== undefined) await context.addInitScript({ content: script });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !/^(data|blob):/.test(request.url())) {
      faults.push(`request: ${request.url()}`);
    }
  });
  return { page, faults };
}

// What runs inside the page knows its globals; Deno's types do not.
// deno-lint-ignore no-explicit-any
type Globals = any;

export async function clipboardOf(page: Page): Promise<string> {
  return await page.evaluate(() => (globalThis as Globals).navigator.clipboard.readText());
}

/** How many pixels the page is wider than the window. */
export async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const { document, innerWidth } = globalThis as Globals;
    return Math.max(0, document.documentElement.scrollWidth - innerWidth);
  });
}

/** What axe finds, one line a rule. Its script must be in the page: see `script` of `newPage`. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  return await page.evaluate(async () => {
    const { axe } = globalThis as Globals;
    const { violations } = await axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map((violation: Globals) =>
      `${violation.id}: ${violation.nodes.map((node: Globals) => node.html.slice(0, 160)).join(" | ")}`
    );
  });
}
