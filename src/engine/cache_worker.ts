/** The thread that writes one entry of the cache of quantized weights (see cache_writer.ts). */
import { type CacheJob, cacheNotice, writeCacheEntry } from "../model/weight_cache.ts";

/** The answer to a job: null, or what its log line says. */
export type CacheAnswer = { readonly failure: string | null };

/** What a Worker's global scope offers beyond the window's types. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<CacheJob>) => void) | null;
  postMessage(message: CacheAnswer): void;
}
const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  writeCacheEntry(data).then(
    () => scope.postMessage({ failure: null }),
    (error) => scope.postMessage({ failure: cacheNotice(error) }),
  );
};
