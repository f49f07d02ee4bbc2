/** What the system says of a process. Linux only: it is asked for its state, and a zombie has ended. */

/** Whether the process has ended, or ends within `timeoutMs`. */
export async function processIsGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => null);
    if (status === null || /^State:\s+[ZX]/m.test(status)) return true;
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
