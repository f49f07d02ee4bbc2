/**
 * A real gateway over a real database in a folder of its own, with an engine that does what the test says and a clock
 * that stands until the test moves it. The demo's helper is registered as "test/helper".
 */
import { fileURLToPath } from "node:url";
import { LOCAL_ADMIN } from "../../src/app/access.ts";
import type { Clock } from "../../src/app/clock.ts";
import { createGateway, type GatewayHandle, type GatewayOptions } from "../../src/app/compose.ts";
import type { GenerationEvent, Principal } from "../../src/app/types.ts";
import type { Db } from "../../src/store/database.ts";
import { openStore } from "../../src/store/open.ts";
import { FakeEngine } from "./scripted_engine.ts";
import { QueryCounter } from "./query_counter.ts";
import { type TempDir, tempDir } from "./temp.ts";

export const DEMO_DIR = fileURLToPath(new URL("../../demo", import.meta.url));
export const HELPER_DIR = `${DEMO_DIR}/parents/helper`;
export const STORYTELLER_DIR = `${DEMO_DIR}/parents/storyteller`;
export const HELPER = { name: "test/helper" };

export const ADMIN = LOCAL_ADMIN;
export const ALICE: Principal = { id: "alice", role: "GENERATOR" };
export const BOB: Principal = { id: "bob", role: "GENERATOR" };
export const VIEWER: Principal = { id: "vera", role: "VIEWER" };

/** Stands still; `advance` runs the timers that come due, in order. */
export class ManualClock implements Clock {
  #nowMs = Date.UTC(2024, 0, 31, 9, 30);
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  now(): Date {
    return new Date(this.#nowMs);
  }

  after(ms: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#nowMs + ms, callback };
    this.#timers.push(timer);
    return { [Symbol.dispose]: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.dueMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.dueMs > this.#nowMs);
    for (const timer of due) timer.callback();
  }
}

export class TestGateway implements AsyncDisposable {
  readonly dir: TempDir;
  readonly engine: FakeEngine;
  readonly clock: ManualClock;
  /** Of the gateway's database. */
  readonly queries = new QueryCounter();
  db!: Db;
  gateway!: GatewayHandle;
  readonly #options: Partial<GatewayOptions>;

  private constructor(dir: TempDir, options: Partial<GatewayOptions>) {
    this.dir = dir;
    this.engine = new FakeEngine();
    this.clock = new ManualClock();
    this.#options = options;
  }

  static async make(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
    const test = new TestGateway(await tempDir(), options);
    await test.open();
    await test.gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });
    return test;
  }

  async open(): Promise<void> {
    this.db = (await openStore(this.dir.path)).withPlugin(this.queries);
    this.gateway = await createGateway({
      db: this.db,
      engine: this.engine,
      dataDir: this.dir.path,
      allowAnonymous: true,
      clock: this.clock,
      drawSeed: () => 42n,
      disconnectGraceMs: 0,
      ...this.#options,
    });
  }

  /** As a stop and a start of the program. */
  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  async close(): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.db.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Every event to the end. */
export async function collect(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const collected: GenerationEvent[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}
