/**
 * `.origin.json` in a pulled folder: where its files come from. Hidden, so it is no part of the checkpoint's identity; it
 * tells whoever registers the folder later, also after a process that died before it could.
 */
import { join } from "node:path";
import { z } from "zod";
import { GeodesicError } from "../errors.ts";
import type { ModelFolder } from "../formats/folder.ts";

export const ORIGIN_FILE = ".origin.json";

const ORIGIN = z.object({
  endpoint: z.url().max(500),
  repository: z.string().max(200),
  /** Hash of the commit. */
  revision: z.string().regex(/^[0-9a-f]{40,64}$/),
  publishedAt: z.iso.datetime().nullable(),
});
export type Origin = Readonly<z.infer<typeof ORIGIN>>;

/** Null where there is none, or none that can be read: the folder is as good without. */
export async function readOrigin(folder: ModelFolder): Promise<Origin | null> {
  try {
    return ORIGIN.safeParse(await folder.readJson(ORIGIN_FILE)).data ?? null;
  } catch (error) {
    if (error instanceof GeodesicError) return null;
    throw error;
  }
}

/** Whether a pull has made this folder. It appears whole, but what is in it may have been changed or lost since. */
export function isPulled(dir: string): Promise<boolean> {
  return Deno.stat(join(dir, ORIGIN_FILE)).then((info) => info.isFile, () => false);
}
