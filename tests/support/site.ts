/** A whole gateway with a folder and a scripted engine of its own on a database that others may share. */
import { createGateway, type GatewayHandle, type GatewayOptions } from "../../src/app/compose.ts";
import type { Db } from "../../src/store/database.ts";
import { openStore, openWorkStore } from "../../src/store/open.ts";
import { DEMO_DIR } from "./gateway.ts";
import { FakeEngine } from "./scripted_engine.ts";
import { tempDir } from "./temp.ts";

export interface Site extends AsyncDisposable {
  readonly db: Db;
  /** Over other connections. */
  readonly workDb: Db;
  readonly engine: FakeEngine;
  readonly gateway: GatewayHandle;
}

export async function openSite(databaseUrl: string, options: Partial<GatewayOptions> = {}): Promise<Site> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const db = await openStore(dir.path, { databaseUrl });
  stack.defer(() => db.destroy());
  const workDb = stack.adopt(await openWorkStore(db, databaseUrl), (work) => work.destroy());
  const engine = new FakeEngine();
  const gateway = stack.use(
    await createGateway({
      ...{ db, workDb, engine, dataDir: dir.path, allowAnonymous: false },
      ...{ drawSeed: () => 42n, modelDirs: [DEMO_DIR] },
      ...options,
    }),
  );
  return { db, workDb, engine, gateway, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Far beyond what anything takes; a test that waits for what never comes should say so. */
const PATIENCE_MS = 60_000;

export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !await condition();) {
    if (performance.now() > endMs) throw new Error(`It never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
