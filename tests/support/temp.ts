/** Temporary folders for tests: made where the system keeps such things, gone at the end of the block. */

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** `await using dir = await tempDir()` */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "geodesic-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
