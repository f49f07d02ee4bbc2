/** Where the browser is that the console is tested with. */

const USUAL = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The path of Chromium or Chrome: GEODESIC_CHROMIUM, or the first of the usual places; null where there is none. */
export async function findBrowser(): Promise<string | null> {
  for (const path of [Deno.env.get("GEODESIC_CHROMIUM") ?? "", ...USUAL]) {
    const isThere = path !== "" && await Deno.stat(path).then(({ isFile }) => isFile, () => false);
    if (isThere) return path;
  }
  return null;
}
