/**
 * Pictures of every page of a running gateway that has the demo family, light and dark, on a desk and on a phone, into
 * docs/screenshots: `deno run -A scripts/screenshots.ts http://127.0.0.1:8000 gsk_… [only these names …]`.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import { findBrowser } from "./browser.ts";

const FOLDER = new URL("../docs/screenshots/", import.meta.url);
const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 375, height: 812 } } as const;
const MERGED = "/models/geodesic/demo-slerp";

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly prepare?: (page: Page) => Promise<void>;
}

const answered = async (page: Page, answers: number) =>
  await page.locator(".usage").nth(answers - 1).waitFor({ timeout: 120_000 });

const SHOTS: readonly Shot[] = [
  { name: "home", path: "/", prepare: (page) => page.waitForSelector(".card").then(() => {}) },
  { name: "model", path: MERGED, prepare: (page) => page.waitForSelector(".prose").then(() => {}) },
  {
    name: "curves",
    path: MERGED,
    prepare: async (page) => {
      await page.locator(".curves > svg").scrollIntoViewIfNeeded();
      await page.locator(".section", { hasText: "How far along" }).evaluate((node) => node.scrollIntoView());
      await page.locator(".curves > svg").focus();
      await page.keyboard.press("ArrowRight");
      for (let press = 0; press < 3; press++) await page.keyboard.press("ArrowRight");
    },
  },
  {
    name: "tensors",
    path: MERGED,
    prepare: async (page) => {
      await page.waitForSelector(".heat");
      await page.locator(".section", { hasText: "How far apart" }).evaluate((node) => node.scrollIntoView());
      await page.locator(".cell").nth(11).hover();
    },
  },
  {
    name: "playground",
    path: "/play?model=geodesic%2Fdemo-slerp",
    prepare: async (page) => {
      await page.fill("#prompt", "Tell me a story.");
      await page.keyboard.press("Enter");
      await answered(page, 1);
      const token = page.locator(".token.p1, .token.p2").first();
      if (await token.count() > 0) await token.hover();
    },
  },
  {
    name: "compare",
    path: "/play?model=geodesic%2Fdemo-slerp&with=geodesic%2Fdemo-storyteller",
    prepare: async (page) => {
      await page.fill("#prompt", "What is the capital of France?");
      await page.keyboard.press("Enter");
      await answered(page, 2);
    },
  },
  { name: "defaults", path: "/admin", prepare: (page) => page.waitForSelector(".parameter").then(() => {}) },
  { name: "merges", path: "/admin/merges", prepare: (page) => page.waitForSelector(".merge").then(() => {}) },
  { name: "models", path: "/admin/models", prepare: (page) => page.waitForSelector(".row").then(() => {}) },
  { name: "keys", path: "/admin/keys", prepare: (page) => page.waitForSelector(".row").then(() => {}) },
  {
    name: "engine",
    path: "/admin/engine",
    prepare: (page) => page.waitForSelector(".figures").then(() => {}),
  },
  { name: "usage", path: "/admin/usage", prepare: (page) => page.waitForSelector("tbody tr").then(() => {}) },
  { name: "audit", path: "/admin/audit", prepare: (page) => page.waitForSelector("tbody tr").then(() => {}) },
  {
    name: "explorer",
    path: "/graphql",
    prepare: async (page) => {
      await page.getByRole("button", { name: /Execute/ }).click();
      await page.locator(".result-window", { hasText: "geodesic/demo-slerp" }).waitFor();
    },
  },
];

async function take(
  browser: Browser,
  shot: Shot,
  how: {
    readonly origin: string;
    readonly key: string;
    readonly size: keyof typeof SIZES;
    readonly theme: "light" | "dark";
  },
): Promise<void> {
  const context = await browser.newContext({
    viewport: SIZES[how.size],
    colorScheme: how.theme,
    reducedMotion: "reduce",
    hasTouch: how.size === "phone",
  });
  await context.addInitScript((key) => sessionStorage.setItem("geodesic.key", key), how.key);
  const page = await context.newPage();
  await page.goto(how.origin + shot.path);
  await shot.prepare?.(page);
  await page.waitForTimeout(300);
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 85 });
  const path = new URL(`${shot.name}-${how.size}-${how.theme}.webp`, FOLDER);
  await Deno.writeFile(path, Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  await context.close();
}

const [origin, key, ...only] = Deno.args;
if (origin === undefined || key === undefined) {
  console.error("error: expected the gateway's address and an admin key");
  Deno.exit(2);
}
await Deno.mkdir(FOLDER, { recursive: true });
const browser = await chromium.launch({
  executablePath: await findBrowser() ?? "chromium",
  args: ["--no-sandbox"],
});
try {
  for (const shot of SHOTS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
      for (const theme of ["light", "dark"] as const) await take(browser, shot, { origin, key, size, theme });
    }
    console.log(shot.name);
  }
} finally {
  await browser.close();
}
