/** A real Chromium for tests of the console, and pages in it that notice what must not happen. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { findBrowser } from "../../scripts/browser.ts";

const path = await findBrowser();

/** Where there is none, those tests are left out; `deno task prepare-browser`, which runs before, says why there is none. */
export const hasBrowser = path !== null;
if (!hasBrowser) {
  console.error(
    "warning: the console is not tested in a browser: there is no Chromium (deno task prepare-browser)",
  );
}

/** Root may not have Chromium's own sandbox, and what is loaded is ours. The others leave out what tests do not need. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-background-networking",
  "--renderer-process-limit=2",
];
/** Of every wait: a busy machine is slow, and no test is about that. */
const PATIENCE_MS = 60_000;

export async function launchBrowser(): Promise<Browser> {
  if (path === null) throw new Error("There is no Chromium; scripts/prepare_browser.ts installs it");
  // Told that it is tested, playwright does not look in /proc for Windows, which only --allow-all would let it.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  return await chromium.launch({ executablePath: path, args: FLAGS, timeout: PATIENCE_MS });
}

/** A page of its own context, and what went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors on the console and in scripts, refusals of the Content-Security-Policy, and requests that left the origin. */
  readonly faults: string[];
}

export type NewPageOptions = BrowserContextOptions & {
  /** The key of its tab. */
  readonly key?: string;
  /** Runs in every page before the page's own. */
  readonly script?: string;
};

export async function newPage(
  browser: Browser,
  origin: string,
  options: NewPageOptions = {},
): Promise<WatchedPage> {
  const { key, script, ...rest } = options;
  const context = await browser.newContext({ baseURL: origin, reducedMotion: "reduce", ...rest });
  context.setDefaultTimeout(PATIENCE_MS);
  if (key !== undefined) {
    await context.addInitScript((value) => {
      if (sessionStorage.length === 0) sessionStorage.setItem("geodesic.key", value);
    }, key);
  }
  if (script !== undefined) await context.addInitScript({ content: script });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  const see = (url: string) => {
    const isOwn = url.startsWith(`${origin}/`) || url.startsWith(`${origin.replace(/^http/, "ws")}/`);
    if (!isOwn && !/^(data|blob):/.test(url)) faults.push(`request: ${url}`);
  };
  page.on("request", (request) => see(request.url()));
  page.on("websocket", (socket) => see(socket.url()));
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

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, one line a rule: by these rules or sets of rules. Its script must be in the page: `script` of `newPage`. */
export async function accessibilityProblems(page: Page, rules: readonly string[] = RULES): Promise<string[]> {
  return await page.evaluate(async (runOnly) => {
    const { axe } = globalThis as Globals;
    // Neither what is well nor where exactly a problem is: to find the words for that takes most of the time.
    const { violations } = await axe.run({ runOnly, resultTypes: ["violations"], selectors: false });
    return violations.map((violation: Globals) =>
      `${violation.id}: ${violation.nodes.map((node: Globals) => node.html.slice(0, 160)).join(" | ")}`
    );
  }, rules);
}
