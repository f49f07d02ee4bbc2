/**
 * Where adapters come from. Left to itself, Deno asks OpenGL, too: it offers none that Vulkan does not, loads a second
 * driver into the process, and its libraries corrupt the heap of a process that exits soon after the thread that used
 * them (1 in 100 runs with Mesa 22.3).
 */
const BACKENDS = { variable: "DENO_WEBGPU_BACKEND", value: "vulkan,metal,dx12" } as const;

/** The most capable adapter; null where there is none. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  chooseBackends();
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

/** Deno takes the choice from the environment only. The tasks make it; this is for whoever starts Deno without them. */
function chooseBackends(): void {
  const { variable, value } = BACKENDS;
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted" && Deno.env.get(variable) === undefined) Deno.env.set(variable, value);
}
