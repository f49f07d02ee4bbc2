/**
 * An engine client without a Worker: the real client and engine in one thread over a port that copies what crosses it,
 * with fake runners below. For tests of whatever sits on top of the engine.
 */
import { PortEngineClient } from "../../src/engine/client.ts";
import type { EnginePort } from "../../src/engine/port.ts";
import { Engine, type EngineOptions } from "../../src/engine/engine.ts";
import type { DeviceInfo, EngineCommand, EngineMessage } from "../../src/engine/protocol.ts";
import { type FakeOptions, FakeRunner } from "./fake_runner.ts";

export const FAKE_DEVICE: DeviceInfo = {
  adapter: "fake",
  vendor: "tests",
  backend: "none",
  features: [],
  limits: {},
  software: true,
  kernelsSha256: "7777777777777777777777777777777777777777777777777777777777777777",
  memoryBandwidth: null,
};

/** An engine behind a port, as a Worker or a process would be. */
export interface InProcessPort extends EnginePort {
  /** In the order they were loaded. */
  readonly runners: readonly FakeRunner[];
  readonly commands: readonly EngineCommand[];
  readonly terminated: boolean;
  /** Delivers a message as if the thread had sent it. */
  inject(message: EngineMessage): void;
  /** Ends the "thread" as an uncaught error would. */
  die(error: Error): void;
}

export type InProcessEngine = Omit<InProcessPort, keyof EnginePort> & AsyncDisposable & {
  readonly client: PortEngineClient;
};

type InProcessOptions = Partial<EngineOptions> & { readonly announce?: boolean };

/** `announce: false` leaves out the first `ready`. */
export function inProcessEngine(fake: FakeOptions = {}, options: InProcessOptions = {}): InProcessEngine {
  const port = inProcessPort(fake, options);
  const client = new PortEngineClient(port);
  return {
    client,
    runners: port.runners,
    commands: port.commands,
    inject: (message) => port.inject(message),
    die: (error) => port.die(error),
    get terminated() {
      return port.terminated;
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** The port alone. */
export function inProcessPort(fake: FakeOptions = {}, options: InProcessOptions = {}): InProcessPort {
  const runners: FakeRunner[] = [];
  const commands: EngineCommand[] = [];
  const state = { terminated: false };
  let deliver: (message: EngineMessage) => void = () => {};
  let death: (error: Error) => void = () => {};
  /** JSON, not structuredClone: the same messages are to run over other transports too. */
  const send = (message: EngineMessage) => {
    const text = JSON.stringify(message);
    queueMicrotask(() => state.terminated || deliver(JSON.parse(text)));
  };
  const engine = new Engine({
    load: () => {
      const runner = new FakeRunner(fake);
      runners.push(runner);
      return Promise.resolve(runner);
    },
    emit: send,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    now: () => performance.now(),
    onInternalError: (error) => console.error(error),
    ...options,
  });
  if (options.announce !== false) send({ type: "ready", device: FAKE_DEVICE });
  return {
    post(command) {
      commands.push(command);
      const text = JSON.stringify(command);
      queueMicrotask(() => state.terminated || engine.dispatch(JSON.parse(text)));
    },
    listen(onMessage, onDeath) {
      deliver = onMessage;
      death = onDeath;
    },
    terminate() {
      state.terminated = true;
      return Promise.resolve();
    },
    runners,
    commands,
    get terminated() {
      return state.terminated;
    },
    inject: (message) => deliver(message),
    die: (error) => death(error),
  };
}
