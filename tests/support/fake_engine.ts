/**
 * An engine over fake runners, driven by hand: time is a counter, and nothing moves between two `tick`s. Collects
 * every message, by request too.
 */
import { Engine, type EngineOptions } from "../../src/engine/engine.ts";
import type {
  EngineCommand,
  EngineMessage,
  EngineMetrics,
  SubmitCommand,
} from "../../src/engine/protocol.ts";
import type { LoadModel } from "../../src/engine/residency.ts";
import { GREEDY } from "../../src/model/sampling.ts";
import { ContractError, type FakeOptions, FakeRunner } from "./fake_runner.ts";

const { stop: _, ...greedy } = GREEDY;
export const SAMPLING: SubmitCommand["sampling"] = { ...greedy, maxTokens: 8, ignoreEos: false, seed: "7" };

export function submitCommand(
  requestId: string,
  promptTokenIds: readonly number[],
  sampling: Partial<SubmitCommand["sampling"]> = {},
  rest: Partial<SubmitCommand> = {},
): SubmitCommand {
  const defaults = { type: "submit", modelKey: "m", eosTokenIds: [] } as const;
  return { ...defaults, requestId, promptTokenIds, sampling: { ...SAMPLING, ...sampling }, ...rest };
}

/** Lets everything that can run without a new turn of the engine run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FakeEngine {
  readonly messages: EngineMessage[] = [];
  readonly runners = new Map<string, FakeRunner>();
  readonly internalErrors: unknown[] = [];
  readonly engine: Engine;
  nowMs = 0;
  onMessage: (message: EngineMessage) => void = () => {};
  #turn: (() => void) | null = null;

  constructor(fake: FakeOptions = {}, options: Partial<EngineOptions> = {}) {
    const load: LoadModel = (command) => {
      const runner = new FakeRunner(fake);
      this.runners.set(command.modelKey, runner);
      return Promise.resolve(runner);
    };
    this.engine = new Engine({
      load,
      emit: (message) => {
        this.messages.push(structuredClone(message));
        this.onMessage(message);
      },
      turn: () => new Promise((resolve) => this.#turn = resolve),
      now: () => this.nowMs,
      onInternalError: (error) => this.internalErrors.push(error),
      ...options,
    });
  }

  /** With model "m" loaded. */
  static async withModel(fake: FakeOptions = {}, options: Partial<EngineOptions> = {}): Promise<FakeEngine> {
    const engine = new FakeEngine(fake, options);
    await engine.load("m");
    return engine;
  }

  get runner(): FakeRunner {
    return this.runners.get("m")!;
  }

  async load(modelKey: string): Promise<void> {
    const size = { maxContext: 48, maxSequences: 4 };
    this.send({
      type: "load",
      modelKey,
      path: "/models/x",
      quantization: "none",
      precision: "f32",
      ...size,
    });
    await this.drain();
  }

  send(...commands: EngineCommand[]): void {
    for (const command of commands) this.engine.dispatch(command);
  }

  /** One turn of the loop; false when the engine is idle. */
  async tick(): Promise<boolean> {
    await settle();
    const turn = this.#turn;
    if (turn === null) return false;
    this.#turn = null;
    this.nowMs += 10;
    turn();
    await settle();
    for (const error of this.internalErrors) if (error instanceof ContractError) throw error;
    return true;
  }

  /** Ticks until idle; returns how many it took. */
  async drain(limit = 10_000): Promise<number> {
    let ticks = 0;
    while (await this.tick()) {
      if (++ticks > limit) throw new Error(`The engine is not idle after ${limit} turns`);
    }
    return ticks;
  }

  of(requestId: string): EngineMessage[] {
    return this.messages.filter((message) => "requestId" in message && message.requestId === requestId);
  }

  /** Ids of all token messages so far. */
  tokens(requestId: string): number[] {
    return this.of(requestId).flatMap((m) => m.type === "tokens" ? m.tokens.map(({ id }) => id) : []);
  }

  /** The last message of a request; throws unless it is the only terminal one. */
  end(requestId: string): Extract<EngineMessage, { type: "finished" | "failed" }> {
    const all = this.of(requestId);
    const ends = all.filter((m) => m.type === "finished" || m.type === "failed");
    const last = all.at(-1);
    if (ends.length !== 1 || last !== ends[0]) {
      throw new Error(`${requestId}: ${all.map((m) => m.type).join(" ")} does not end once`);
    }
    return ends[0]!;
  }

  metrics(): EngineMetrics {
    this.send({ type: "metrics" });
    const last = this.messages.pop();
    if (last?.type !== "metrics") throw new Error("No metrics came");
    return last;
  }
}
