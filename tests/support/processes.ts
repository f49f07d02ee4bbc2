/**
 * What the system says of other processes. Linux only, and through `cat`: Deno itself reads /proc only with all
 * permissions.
 */

/** A file of /proc, or null when the process has gone. */
export async function readProc(path: string): Promise<string | null> {
  const { success, stdout } = await new Deno.Command("cat", {
    args: [`/proc/${path}`],
    stdout: "piped",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : null;
}

/** Whether the process has ended, or ends within `timeoutMs`. A zombie has ended. */
export async function processIsGone(pid: number, timeoutMs: number): Promise<boolean> {
  if (await readProc("self/status") === null) throw new Error("Cannot read /proc");
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const status = await readProc(`${pid}/status`);
    if (status === null || /^State:\s+[ZX]/m.test(status)) return true;
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
