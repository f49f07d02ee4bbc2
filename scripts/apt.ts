/** Installing Debian packages, for the scripts that prepare a machine. */

/** How to run a command as root, e.g. by `sudo -n`; null when the user may not. */
export async function rootPrefix(): Promise<readonly string[] | null> {
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

export async function isDebianLike(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    await Deno.stat("/etc/debian_version");
    return true;
  } catch {
    return false;
  }
}

/** Installs Debian packages; throws with apt's last lines where that fails. */
export async function aptInstall(prefix: readonly string[], packages: readonly string[]): Promise<void> {
  await run([...prefix, "/usr/bin/apt-get", "-qq", "update"]);
  const install = ["-qq", "-y", "install", "--no-install-recommends", ...packages];
  await run([...prefix, "/usr/bin/apt-get", ...install]);
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
