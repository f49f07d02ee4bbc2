/** Options and settings of a serving process, checked before anything is opened. */
import { resolve } from "node:path";
import { MAX_KEEP_ALIVE_SECONDS } from "../app/model_changes.ts";
import type { Hub } from "../hub/hub.ts";
import { parseHub } from "../hub/settings.ts";
import type { Accumulation, KvCacheDtype, Precision, Quantization } from "../model/runner.ts";
import type { Speculation } from "../engine/protocol.ts";
import { isLoopbackHost } from "../server/origin.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { readServerSettings, serverOptions, type ServerSettings } from "./server_options.ts";
import { LEAST_GPU_MEMORY, sizeOf } from "./size_option.ts";
import { parseKeepAlive } from "./units.ts";
import {
  accumulationOf,
  accumulationOption,
  kvCacheDtypeOption,
  precisionOption,
  quantizationOption,
  speculationOption,
} from "./weight_options.ts";

const DEFAULT_PORT = 8000;
const DEFAULT_HOST = "127.0.0.1";

export interface ServeSettings extends ServerSettings {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Only where nobody but this machine can connect. */
  readonly allowAnonymous: boolean;
  /** For models registered from now on; absent: as the gateway decides. */
  readonly quantization?: Quantization;
  readonly precision: Precision;
  readonly kvCacheDtype: KvCacheDtype;
  readonly accumulation: Accumulation;
  readonly maxContextLength?: number;
  readonly maxSequences?: number;
  readonly memoryBytes?: number;
  readonly kvCacheBytes?: number;
  readonly speculation: Speculation;
  readonly keepAliveSeconds?: number;
  readonly weightCacheBytes?: number;
  /** Folders besides the library whose models may be merged over the API. */
  readonly modelDirs: readonly string[];
  readonly hub: Hub;
}

export const serveOptions: Readonly<Record<string, OptionSpec>> = {
  port: {
    type: "string",
    value: "N",
    description: `Port to listen on; 0 takes a free one (default ${DEFAULT_PORT})`,
  },
  host: { type: "string", value: "HOST", description: `Address to listen on (default ${DEFAULT_HOST})` },
  data: dataDirOption,
  quantization: {
    ...quantizationOption,
    description: "How models registered from now on are held (default fp8; the demo models: none)",
  },
  precision: precisionOption,
  "kv-cache-dtype": kvCacheDtypeOption,
  accumulation: accumulationOption,
  models: {
    type: "string",
    multiple: true,
    value: "DIR",
    description: "Folder whose models may be merged over the API, besides the registered ones; repeatable",
  },
  "max-context": { type: "string", value: "N", description: "Longest sequence to serve, in tokens" },
  "gpu-memory": {
    type: "string",
    value: "SIZE",
    description: "What all models together may take of the GPU, as in 20GB (default: as much as there is)",
  },
  "kv-cache-size": {
    type: "string",
    value: "SIZE",
    description:
      "What the KV cache of a model may take of the GPU, as in 30GB (default 4.3GB, or a whole context if that is more)",
  },
  speculation: speculationOption,
  "keep-alive": {
    type: "string",
    value: "TIME",
    description:
      "How long an unused model stays on the GPU: 90s, 5m, 2h; 0: not at all, -1: for ever (default 5m)",
  },
  "cache-size": {
    type: "string",
    value: "SIZE",
    description: "What weights quantized to FP8 may take in DATA/cache, as in 100GB; 0: none (default 64GB)",
  },
  "max-sequences": { type: "string", value: "N", description: "Most generations of a model in one batch" },
  ...serverOptions,
};

export const serveNotes =
  "Callers without a key are let in only where nobody but this machine can connect (localhost, ::1 and all of 127.0.0.0/8,\n" +
  "such as 127.0.0.2).\n" +
  "GEODESIC_LOG=debug|info|warn|error sets what is logged to stderr, one JSON object a line (default warn).\n" +
  "DATABASE_URL (postgres://…) puts the database into a PostgreSQL server, which several gateways may share.\n" +
  "GEODESIC_MODELS adds folders to those of --models, separated like a PATH.\n" +
  "HF_ENDPOINT and HF_TOKEN say where pullModel fetches models from.\n" +
  "Ctrl-C stops the gateway, which exits with 0 once the address has been printed.";

/** Throws UsageError that names what is wrong. */
export function readServeSettings(invocation: Invocation): ServeSettings {
  const host = hostOf(invocation);
  const maxContextLength = invocation.integer("max-context", { min: 2, max: 2 ** 20 });
  const maxSequences = invocation.integer("max-sequences", { min: 1, max: 256 });
  const memoryBytes = sizeOf(invocation, "gpu-memory", LEAST_GPU_MEMORY);
  const kvCacheBytes = sizeOf(invocation, "kv-cache-size");
  const keepAliveSeconds = keepAliveOf(invocation);
  const weightCacheBytes = invocation.text("cache-size") === "0" ? 0 : sizeOf(invocation, "cache-size");
  return {
    dataDir: dataDirOf(invocation),
    host,
    port: invocation.integer("port", { min: 0, max: 65535 }) ?? DEFAULT_PORT,
    allowAnonymous: isLoopbackHost(host),
    ...invocation.text("quantization") === undefined
      ? {}
      : { quantization: invocation.choice("quantization", ["none", "fp8"]) },
    precision: invocation.choice("precision", ["f32", "f16"]),
    kvCacheDtype: invocation.choice("kv-cache-dtype", ["auto", "fp8"]),
    accumulation: accumulationOf(invocation),
    ...maxContextLength === undefined ? {} : { maxContextLength },
    ...maxSequences === undefined ? {} : { maxSequences },
    ...memoryBytes === undefined ? {} : { memoryBytes },
    ...kvCacheBytes === undefined ? {} : { kvCacheBytes },
    speculation: invocation.choice("speculation", ["auto", "off"]),
    ...keepAliveSeconds === undefined ? {} : { keepAliveSeconds },
    ...weightCacheBytes === undefined ? {} : { weightCacheBytes },
    modelDirs: modelDirsOf(invocation),
    hub: parseHub(invocation.terminal.hubEndpoint, invocation.terminal.hubToken),
    ...readServerSettings(invocation),
  };
}

/** As the system takes it: an address of IPv6 without the brackets that it has in a URL. */
function hostOf(invocation: Invocation): string {
  const text = invocation.text("host");
  if (text === undefined) return DEFAULT_HOST;
  const host = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  if (/^[\w.:%-]+$/.test(host)) return host;
  throw invocation.usageError(`--host is "${text}", expected an address or a name, such as 0.0.0.0 or ::1`);
}

/** A folder that is not there would show only when somebody merges from it. */
function modelDirsOf(invocation: Invocation): readonly string[] {
  const { userDir, modelDirs } = invocation.terminal;
  const given = invocation.texts("models").map((dir) => [dir, resolve(userDir, dir)] as const);
  for (const [dir, path] of given) {
    if (!isFolder(path)) throw invocation.usageError(`--models is "${dir}": there is no such folder`);
  }
  const missing = modelDirs.find((dir) => !isFolder(dir));
  if (missing !== undefined) {
    throw invocation.usageError(`GEODESIC_MODELS names "${missing}": there is no such folder`);
  }
  return [...given.map(([, path]) => path), ...modelDirs];
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function keepAliveOf(invocation: Invocation): number | undefined {
  const text = invocation.text("keep-alive");
  if (text === undefined) return undefined;
  const seconds = parseKeepAlive(text);
  if (seconds !== undefined && seconds <= MAX_KEEP_ALIVE_SECONDS) return seconds;
  throw invocation.usageError(
    `--keep-alive is "${text}", expected a time up to 24 days such as 90s, 5m or 2h, or -1`,
  );
}
