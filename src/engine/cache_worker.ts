/** The thread that writes one entry of the cache of quantized weights (see cache_writer.ts). */
import { type CacheJob, cacheNotice, writeCacheEntry } from "../model/weight_cache.ts";
import type { CacheAnswer } from "./cache_writer.ts";

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
