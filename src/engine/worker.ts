/**
 * The thread that owns the GPU: opens the device, runs the engine on it, and passes commands and messages through.
 * Nothing else happens here, because reading results back blocks this thread. Answers `ready` or `unavailable` first;
 * commands that come earlier wait. Reports `closed` only when nothing holds the driver but the thread itself.
 */
import { DeviceLostError, GeodesicError, toErrorRecord } from "../errors.ts";
import { measureBandwidth } from "../gpu/bandwidth.ts";
import { collectGarbage } from "../gpu/collect.ts";
import { GpuDevice } from "../gpu/device.ts";
import { kernelFingerprint } from "../kernels/fingerprint.ts";
import { DEFAULT_WEIGHT_CACHE_BYTES } from "../model/cache_folder.ts";
import { type LoadCache, loadModel, type LoadProgress as ModelLoadProgress } from "../model/load.ts";
import { CacheWriter } from "./cache_writer.ts";
import { Engine } from "./engine.ts";
import { ModelMatchers } from "./matchers.ts";
import type { EngineCommand, EngineMessage, LoadCommand, Ping, Pong } from "./protocol.ts";
import type { LoadModel } from "./residency.ts";
import { MessageTurns } from "./turns.ts";
import { Backlog } from "./backlog.ts";

/** The first message; the port at its end lives as long as this thread does, which is all it is for. */
export interface Attachment {
  readonly type: "attach";
  /** Messages that are posted and not yet read. */
  readonly backlog: SharedArrayBuffer;
}
type Incoming = EngineCommand | Ping | Attachment;

/** What a Worker's global scope offers beyond the window's types. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Incoming>) => void) | null;
  postMessage(message: EngineMessage | Pong): void;
}

/** Share of a load that is left when all bytes are on the device. */
const WARM_UP_SHARE = 0.05;

const scope = self as unknown as WorkerScope;
let backlog: Backlog | undefined;

await start();

async function start(): Promise<void> {
  const early: EngineCommand[] = [];
  let act: (command: EngineCommand) => void = (command) => early.push(command);
  scope.onmessage = ({ data }) => {
    if (data.type === "attach") backlog = new Backlog(data.backlog);
    else if (data.type === "ping") scope.postMessage({ type: "pong", silentMs: 0 });
    else act(data);
  };
  try {
    const device = await GpuDevice.open();
    const matchers = new ModelMatchers();
    const engine = startEngine(device, matchers);
    // Of a software driver nobody wants to know, and its start would take longer by what it takes.
    const memoryBandwidth = device.info.software ? null : await measureBandwidth(device);
    const kernelsSha256 = kernelFingerprint(device.info);
    post({ type: "ready", device: { ...device.info, kernelsSha256, memoryBandwidth } });
    act = (command) => {
      matchers.note(command);
      engine.dispatch(command);
    };
    early.forEach(act);
  } catch (error) {
    if (!(error instanceof GeodesicError)) console.error(error);
    post({ type: "unavailable", error: toErrorRecord(error) });
  }
}

function post(message: EngineMessage): void {
  backlog?.add();
  scope.postMessage(message);
}

function startEngine(device: GpuDevice, matchers: ModelMatchers): Engine {
  const turns = new MessageTurns();
  const cacheWriter = new CacheWriter(console.error);
  const load: LoadModel = (command, { signal, onProgress }) => {
    return loadModel(device, command.path, {
      ...command,
      ...command.kvCacheBytes !== undefined && { cacheBytes: command.kvCacheBytes },
      log: console.error,
      ...cacheFor(command, cacheWriter),
      signal,
      onProgress: (progress) => onProgress({ ...progress, fraction: fractionOf(progress) }),
    });
  };
  const engine = new Engine({
    load,
    openMatcher: (request) => matchers.open(request),
    emit(message) {
      if (message.type !== "closed") return post(message);
      turns[Symbol.dispose]();
      cacheWriter[Symbol.dispose]();
      scope.onmessage = null;
      device.close().then(() => end(message));
    },
    async turn() {
      await turns.next();
      // Nobody is to be outrun without limit: a reader that is behind holds up the next step.
      await backlog?.shrunk();
    },
    now: () => performance.now(),
    assertDevice: () => device.assertHealthy(),
    onInternalError: (error) => console.error(error),
  });
  // A device that is lost while nothing runs would otherwise go unnoticed until the next request.
  device.handle.lost.then(({ message, reason }) => {
    engine.deviceLost(new DeviceLostError(`The GPU device was lost: ${message || reason}`, { reason }));
  });
  return engine;
}

/** In a turn of its own, so that no stack refers to engine and device when the collector looks. */
function end(last: EngineMessage): void {
  setTimeout(() => {
    collectGarbage();
    post(last);
  });
}

function cacheFor(
  { cacheDir: dir, manifestSha256, cacheMaxBytes: maxBytes = DEFAULT_WEIGHT_CACHE_BYTES }: LoadCommand,
  writer: CacheWriter,
): { readonly cache?: LoadCache } {
  if (dir === undefined || manifestSha256 === undefined) return {};
  return { cache: { dir, manifestSha256, maxBytes, write: (job) => writer.write(job), log: console.error } };
}

function fractionOf({ stage, loadedBytes, totalBytes }: ModelLoadProgress): number {
  if (stage === "WARMING_UP") return 1 - WARM_UP_SHARE;
  return (1 - WARM_UP_SHARE) * loadedBytes / Math.max(1, totalBytes);
}
