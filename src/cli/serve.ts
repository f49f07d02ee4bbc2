/**
 * `geodesic serve` and `geodesic start`: the gateway as a process. `serve` offers what is registered; `start` is for the
 * newcomer: it merges and registers the demo family first, loads the result, and prints a line to try.
 */
import type { GraphQLSchema } from "graphql";
import { ensureAdminKey, LOCAL_ADMIN } from "../app/access.ts";
import { systemClock } from "../app/clock.ts";
import { cacheDirOf, createGateway, type GatewayHandle } from "../app/compose.ts";
import { uuidV7 } from "../app/ids.ts";
import { Metrics } from "../server/metrics.ts";
import { startServer } from "../server/server.ts";
import { Tracing } from "../server/tracing.ts";
import { describeStore, openWorkStore } from "../store/open.ts";
import type { Command, Invocation } from "./command.ts";
import { openInvocationStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { mergeProgress } from "./merge_progress.ts";
import { migrationSummary } from "./migrate.ts";
import { endWithin } from "./serve_end.ts";
import { readServeSettings, serveNotes, serveOptions, type ServeSettings } from "./serve_settings.ts";
import { createServeEngine } from "./serve_engine.ts";
import type { Terminal } from "./terminal.ts";
import { formatDuration } from "./units.ts";
import { unlessAborted } from "./unless_aborted.ts";
import { hasNoWeights, welcome } from "./welcome.ts";

/** What lies outside of this layer and only the composition root knows. */
export interface ServeParts {
  /** Called when a command serves; other commands need no schema. */
  readonly loadSchema: () => Promise<GraphQLSchema>;
  /** Folder with merge.yml and the demo parents. */
  readonly demoDir: string;
  /** Folder of the models that are known from the start. */
  readonly catalogueDir: string;
}

export function serveCommands({ demoDir, ...parts }: ServeParts): readonly Command[] {
  const common = { positionals: [], options: serveOptions, notes: serveNotes };
  return [
    {
      ...common,
      name: "start",
      summary: "Merge the demo pair on first run, then serve",
      run: (invocation) => serve(invocation, parts, (preparation) => prepareDemo(preparation, demoDir)),
    },
    {
      ...common,
      name: "serve",
      summary: "Serve what is registered: GraphQL over HTTP, SSE and WebSocket",
      run: (invocation) => serve(invocation, parts, () => Promise.resolve(null)),
    },
  ];
}

interface Preparation {
  readonly terminal: Terminal;
  readonly gateway: GatewayHandle;
  readonly signal: AbortSignal;
}

/** `prepare` gets models ready and resolves with the name of the one to try, if there is one. */
async function serve(
  invocation: Invocation,
  { loadSchema, catalogueDir }: Omit<ServeParts, "demoDir">,
  prepare: (preparation: Preparation) => Promise<string | null>,
): Promise<number> {
  const settings = readServeSettings(invocation);
  const cleanup = new AsyncDisposableStack(); // last opened, first closed
  try {
    await serveUntilStopped(invocation, { settings, cleanup, loadSchema, catalogueDir, prepare });
  } finally {
    await endWithin(cleanup, settings);
  }
  invocation.terminal.print("Stopped");
  return EXIT.done;
}

interface Serving extends Omit<ServeParts, "demoDir"> {
  readonly settings: ServeSettings;
  /** Gets all that has to be ended. */
  readonly cleanup: AsyncDisposableStack;
  readonly prepare: (preparation: Preparation) => Promise<string | null>;
}

async function serveUntilStopped(
  invocation: Invocation,
  { settings, cleanup, loadSchema, catalogueDir, prepare }: Serving,
): Promise<void> {
  const { terminal, signal } = invocation;
  const { dataDir, log } = settings;
  const where = await describeStore(dataDir, terminal.databaseUrl);
  const onMigrated = (names: readonly string[]) => terminal.print(migrationSummary(where, names));
  const db = cleanup.adopt(await openInvocationStore(invocation, { onMigrated }), (db) => db.destroy());
  const workDb = cleanup.adopt(await openWorkStore(db, terminal.databaseUrl), (work) => work.destroy());
  const onOutput = (line: string) => terminal.writeStatus(`engine: ${line}\n`);
  const engine = cleanup.use(createServeEngine({ log, onOutput, cacheDir: cacheDirOf(dataDir) }));
  const metrics = new Metrics();
  const observers = [metrics, new Tracing()];
  const creating = createGateway({ ...settings, catalogueDir, db, workDb, engine, observers });
  // One that is not there yet when the process is interrupted has its end, too, and before what it works with.
  cleanup.defer(async () => await (await creating.catch(() => null))?.[Symbol.asyncDispose]());
  const gateway = await unlessAborted(creating, signal);
  // Before the work of a first run, so that a port in use is found out at once. Nobody is told the address yet.
  const schema = await loadSchema();
  const beforeStop = () => gateway.stop();
  const server = cleanup.use(startServer({ ...settings, schema, gateway, metrics, signal, beforeStop }));
  const { adapter, software } = await unlessAborted(engine.ready(), signal);
  terminal.print(`WebGPU device: ${adapter}${software ? " (software: exact, and slow)" : ""}`);
  const model = await prepare({ terminal, gateway, signal });
  signal.throwIfAborted();
  const adminKey = await ensureAdminKey({ db, clock: systemClock, ids: uuidV7(systemClock) });
  const { origin } = server;
  const { allowAnonymous, persisted, persistedFile } = settings;
  const onlyKnown = persisted.only ? { persistedFile } : null;
  const nothingServed = model === null && await hasNoWeights(gateway.models);
  terminal.print(welcome({ origin, adminKey, model, allowAnonymous, onlyKnown, nothingServed }));

  await server.finished;
}

/** The first run, in front of the user's eyes; later ones find everything in place. */
async function prepareDemo({ terminal, gateway, signal }: Preparation, demoDir: string): Promise<string> {
  const { merged, model } = await mergeDemo({ terminal, gateway, signal }, demoDir);
  if (merged) terminal.print(`Merged the demo pair into ${model.name} and registered all three models`);
  const startedMs = performance.now();
  await gateway.models.load(LOCAL_ADMIN, { id: model.id });
  terminal.print(`Loaded ${model.name} in ${formatDuration((performance.now() - startedMs) / 1000)}`);
  return model.name;
}

/** With a progress bar that is gone from its line when this returns. */
async function mergeDemo({ terminal, gateway, signal }: Preparation, demoDir: string) {
  using progress = mergeProgress(terminal);
  return await gateway.prepareDemo({ demoDir, onProgress: progress.update, signal });
}
