/** Temporary folders for tests: made where the system keeps such things, gone at the end of the block. */
import { join } from "node:path";

export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** A path below it. */
  join(...parts: string[]): string;
}

/** `await using dir = await tempDir()` */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "geodesic-test-" });
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
