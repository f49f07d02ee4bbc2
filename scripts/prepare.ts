/**
 * Makes sure that WebGPU finds an adapter, as `start` and `test` need one. On Linux that takes a Vulkan driver: where
 * there is none, the system is Debian-like and the user may install packages, Mesa's software driver is installed with
 * apt, and said so. Anything else ends with the one line to run. Refuses to install with GEODESIC_NO_INSTALL=1.
 *
 * `--verify` only looks: a process that asked for an adapter before the driver came keeps seeing none.
 */

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];

/** How to run a command as root, e.g. by `sudo -n`; null when the user may not. */
async function rootPrefix(): Promise<readonly string[] | null> {
  if (Deno.uid() === 0) return [];
  return await succeeds("/usr/bin/sudo", ["-n", "true"]) ? ["/usr/bin/sudo", "-n"] : null;
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isDebianLike(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    await Deno.stat("/etc/debian_version");
    return true;
  } catch {
    return false;
  }
}

/** Runs a command with its output kept back; throws with its last lines when it fails. */
async function run(command: readonly string[]): Promise<void> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program!, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  const lines = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim().split("\n").slice(-5).join(
    "\n  ",
  );
  throw new Error(`\`${command.join(" ")}\` failed:\n  ${lines}`);
}

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
    await run([...prefix, "/usr/bin/apt-get", "-qq", "update"]);
    await run([
      ...prefix,
      "/usr/bin/apt-get",
      "-qq",
      "-y",
      "install",
      "--no-install-recommends",
      ...PACKAGES,
    ]);
  } catch (error) {
    fail(`installing a driver did not work: ${error instanceof Error ? error.message : error}\n${byHand}`);
  }
  console.error("Installed.");
}
