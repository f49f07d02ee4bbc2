/**
 * Makes sure that there is a Chromium for the tests of the console. Where there is none, the system is Debian-like and
 * the user may install packages, Debian's is installed with apt, and said so. Anything else is said and let pass: those
 * tests are then left out. Refuses to install with GEODESIC_NO_INSTALL=1.
 */
import { aptInstall, isDebianLike, rootPrefix } from "./apt.ts";
import { findBrowser } from "./browser.ts";

const BY_HAND =
  "install it (on Debian: sudo apt-get install -y chromium), or set GEODESIC_CHROMIUM to its path";

/** Why there is still none; null once there is one. */
async function prepare(): Promise<string | null> {
  if (await findBrowser() !== null) return null;
  if (Deno.env.get("GEODESIC_NO_INSTALL") === "1") return "GEODESIC_NO_INSTALL=1 forbids installing it";
  if (!await isDebianLike()) return "this system is not Debian-like";
  const prefix = await rootPrefix();
  if (prefix === null) return "only root may install it";
  console.error("Installing Chromium for the tests of the console (apt-get install chromium) …");
  try {
    await aptInstall(prefix, ["chromium"]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  console.error("Installed.");
  return null;
}

const why = await prepare();
if (why !== null) {
  console.error(
    `warning: the console is not tested in a browser: there is no Chromium, and ${why}; ${BY_HAND}`,
  );
}
