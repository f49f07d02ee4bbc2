/**
 * Makes sure that WebGPU finds an adapter, as `start` and `test` need one. On Linux that takes a Vulkan driver: where
 * there is none, the system is Debian-like and the user may install packages, Mesa's software driver is installed with
 * apt, and said so. Anything else ends with the one line to run. Refuses to install with GEODESIC_NO_INSTALL=1.
 *
 * `--verify` only looks: a process that asked for an adapter before the driver came keeps seeing none.
 */

import { aptInstall, isDebianLike, rootPrefix } from "./apt.ts";

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];

const byHand = Deno.build.os === "linux"
  ? `install one, on Debian and Ubuntu with: sudo apt-get install -y ${PACKAGES.join(" ")}`
  : "update the graphics driver of this machine";

function fail(reason: string): never {
  console.error(`error: WebGPU finds no graphics adapter, and ${reason} [DEVICE_LOST]`);
  Deno.exit(1);
}

const adapter = await navigator.gpu?.requestAdapter() ?? null;
if (adapter === null) {
  if (Deno.args.includes("--verify")) fail(`no driver gives it one; ${byHand}`);
  if (Deno.env.get("GEODESIC_NO_INSTALL") === "1") {
    fail(`GEODESIC_NO_INSTALL=1 forbids installing a driver; ${byHand}`);
  }
  if (!await isDebianLike()) {
    fail(`this system is not Debian-like, so no driver can be installed for it; ${byHand}`);
  }
  const prefix = await rootPrefix();
  if (prefix === null) fail(`only root may install a driver; ${byHand}`);
  console.error(
    `Installing Mesa's software Vulkan driver for WebGPU (apt-get install ${PACKAGES.join(" ")}) …`,
  );
  try {
    await aptInstall(prefix, PACKAGES);
  } catch (error) {
    fail(`installing a driver did not work: ${error instanceof Error ? error.message : error}\n${byHand}`);
  }
  console.error("Installed.");
}
