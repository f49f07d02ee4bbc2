/**
 * One engine after another: restarts and their delays, what callers see of them, and when it is given up. Engines are
 * in-process ones that die when the test says so; time is a clock that stands until it is moved.
 */
import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError, DeviceLostError } from "../../src/errors.ts";
import { PortEngineClient } from "../../src/engine/client.ts";
import { openProcessPort } from "../../src/engine/process_port.ts";
import { isRestarting, type RequestMessage, type SubmitCommand } from "../../src/engine/protocol.ts";
import { RESTART_LIMITS, RestartPolicy } from "../../src/engine/restart_policy.ts";
import { type EngineNews, SupervisedEngine, type SupervisorOptions } from "../../src/engine/supervisor.ts";
import { failure } from "../support/failure.ts";
import { settle, submitCommand } from "../support/fake_engine.ts";
import { FAKE_DEVICE, type InProcessPort, inProcessPort } from "../support/in_process_engine.ts";
import { ManualClock } from "../support/gateway.ts";
import { processIsGone } from "../support/processes.ts";

const LOAD = {
  modelKey: "m",
  path: "/models/x",
  quantization: "none",
  precision: "f32",
  maxContext: 48,
  maxSequences: 4,
} as const;
const { firstDelayMs, maxDeaths, restMs, healthyMs, maxStartMs } = RESTART_LIMITS;

interface Setup extends AsyncDisposable {
  readonly engine: SupervisedEngine;
  /** In the order in which they were started. */
  readonly ports: InProcessPort[];
  readonly clock: ManualClock;
  readonly news: EngineNews[];
}

function setup(options: Partial<SupervisorOptions> & { readonly announce?: () => boolean } = {}): Setup {
  const ports: InProcessPort[] = [];
  const clock = new ManualClock();
  const news: EngineNews[] = [];
  const engine = new SupervisedEngine({
    open: () => {
      const port = inProcessPort({}, { announce: options.announce?.() ?? true });
      ports.push(port);
      return port;
    },
    clock,
    onNews: (each) => news.push(each),
    ...options,
  });
  return { engine, ports, clock, news, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

/** Kills the latest engine and starts the next. */
async function replace({ ports, clock, engine }: Setup, delayMs: number): Promise<void> {
  ports.at(-1)!.die(new Error("panic"));
  await settle();
  clock.advance(delayMs);
  await engine.ready();
}

function run(engine: SupervisedEngine, command: Omit<SubmitCommand, "type">): Promise<RequestMessage[]> {
  const messages: RequestMessage[] = [];
  return new Promise((resolve) =>
    engine.submit(command, (message) => {
      messages.push(message);
      if (message.type === "finished" || message.type === "failed") resolve(messages);
    })
  );
}

Deno.test("SupervisedEngine starts another engine when one dies, and works on", async () => {
  await using test = setup();
  const { engine, ports, clock, news } = test;
  expect(engine.status()).toEqual({ state: "STARTING", restarts: 0 });
  expect(await engine.ready()).toEqual(FAKE_DEVICE);
  await engine.load(LOAD);
  const lost: unknown[] = [];
  engine.onLost((error) => lost.push([error.message, engine.status().state]));
  const open = run(engine, submitCommand("a", [1], { maxTokens: 40 }));
  ports[0]!.die(new Error("panic"));
  const [last] = (await open).slice(-1);
  expect(last).toMatchObject({ type: "failed", error: { code: "DEVICE_LOST" } });
  expect(last?.type === "failed" && isRestarting(last.error)).toBe(true);
  expect(lost).toEqual([["The engine's thread died: panic", "RESTARTING"]]);
  expect(ports[0]!.terminated).toBe(true);
  expect(engine.status()).toMatchObject({
    state: "RESTARTING",
    attempt: 1,
    retryAt: new Date(clock.now().getTime() + firstDelayMs),
    error: { message: "The engine's thread died: panic" },
  });
  expect((await failure(engine.metrics())).message).toContain("is being restarted");
  const early = (await run(engine, submitCommand("b", [1])))[0]!;
  expect(early.type === "failed" && isRestarting(early.error)).toBe(true);

  const loading = engine.load(LOAD); // Waits for the next engine.
  clock.advance(firstDelayMs - 1);
  await settle();
  expect(ports.length).toBe(1);
  clock.advance(1);
  expect((await loading).modelKey).toBe("m");
  expect((await run(engine, submitCommand("a", [1]))).at(-1)).toMatchObject({ type: "finished" });
  expect(engine.status()).toEqual({ state: "READY", restarts: 1, device: FAKE_DEVICE });
  expect(news.map(({ kind }) => kind)).toEqual(["died", "restarted"]);
});

Deno.test("SupervisedEngine gives an engine up that has lost its device, before that says so", async () => {
  await using test = setup();
  const { engine, ports, clock } = test;
  await engine.load(LOAD);
  const [a, b] = [
    run(engine, submitCommand("a", [1], { maxTokens: 40 })),
    run(engine, submitCommand("b", [2])),
  ];
  const error = { code: "DEVICE_LOST", message: "Out of memory", details: {} };
  ports[0]!.inject({ type: "failed", requestId: "a", error });
  for (const messages of await Promise.all([a, b])) {
    const last = messages.at(-1)!;
    expect(last.type === "failed" && isRestarting(last.error)).toBe(true);
  }
  expect(ports[0]!.terminated).toBe(true);
  ports[0]!.inject({ type: "unavailable", error }); // Too late to be a second death.
  clock.advance(firstDelayMs);
  await engine.ready();
  expect([ports.length, engine.status().restarts]).toEqual([2, 1]);
});

Deno.test("SupervisedEngine.load() fails with its engine, marked as worth another try", async () => {
  await using test = setup();
  const { engine, ports } = test;
  await engine.ready();
  const loading = failure(engine.load(LOAD));
  ports[0]!.die(new Error("killed by the system"));
  expect(isRestarting(await loading)).toBe(true);
  const controller = new AbortController();
  const waiting = engine.load(LOAD, { signal: controller.signal });
  controller.abort(new Error("changed my mind"));
  await expect(waiting).rejects.toThrow("changed my mind");
});

Deno.test("SupervisedEngine.load() does not promise a model of an engine that dies in the same breath", async () => {
  const port = inProcessPort({}, { load: () => new Promise(() => {}) });
  await using test = setup({ open: () => port });
  const { engine } = test;
  await engine.ready();
  const loading = engine.load(LOAD).then(() => "loaded", isRestarting);
  await settle();
  // As they come out of one read of a process's output.
  const sizes = { weightBytes: 1, kvCacheBytes: 1, maxContext: 48, vocabSize: 64 };
  port.inject({ type: "loaded", modelKey: "m", ...sizes, accumulation: "f32" });
  port.inject({
    type: "unavailable",
    error: { code: "DEVICE_LOST", message: "The GPU device was lost", details: {} },
  });
  expect(await loading).toBe(true);
});

Deno.test("SupervisedEngine gives up after too many deaths, says why, and tries again after a rest", async () => {
  let announce = false;
  await using test = setup({ announce: () => announce });
  const { engine, ports, clock, news } = test;
  const ready = failure(engine.ready());
  const delays: number[] = [];
  for (let death = 1; death <= maxDeaths; death++) {
    expect(ports.length).toBe(death);
    ports.at(-1)!.die(
      new DeviceLostError("The engine's process died: exit code 101", { output: ["panicked at …"] }),
    );
    const last = news.at(-1)!;
    if (last.kind !== "died") throw new Error(last.kind);
    delays.push(last.next.delayMs);
    await settle();
    clock.advance(last.next.delayMs - 1);
    await settle();
    if (death === maxDeaths) break;
    clock.advance(1);
    await settle();
  }
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, restMs]);
  const error = await ready;
  expect(error.code).toBe("DEVICE_LOST");
  expect(error.message).toBe(
    `The engine died ${maxDeaths} times in a short time. The engine's process died: exit code 101`,
  );
  expect(error.details["output"]).toEqual(["panicked at …"]);
  expect(engine.status()).toMatchObject({ state: "FAILED", retryAt: expect.any(Date) });
  const refused = (await run(engine, submitCommand("a", [1])))[0]!;
  expect(refused.type === "failed" && isRestarting(refused.error)).toBe(false);
  const { message, details } = await failure(engine.load(LOAD));
  expect([message, Object.keys(details)]).toEqual([error.message, ["deaths"]]); // Without the process's output.

  clock.advance(1);
  await settle();
  expect(ports.length).toBe(maxDeaths + 1);
  ports.at(-1)!.die(new Error("again"));
  expect(engine.status().state).toBe("FAILED"); // One try at a time.
  announce = true;
  await settle();
  clock.advance(restMs);
  await settle();
  expect((await engine.load(LOAD)).modelKey).toBe("m");
});

Deno.test("SupervisedEngine forgets deaths once an engine was well", async () => {
  await using test = setup();
  const { engine, clock, news } = test;
  await engine.ready();
  for (let death = 0; death < 3; death++) await replace(test, firstDelayMs * 2 ** death);
  clock.advance(healthyMs);
  await replace(test, firstDelayMs);
  expect(news.flatMap((each) => each.kind === "died" ? [each.next.delayMs] : [])).toEqual([
    250,
    500,
    1000,
    250,
  ]);
});

Deno.test("SupervisedEngine does not insist where there is no device, or no way to start", async () => {
  await using none = setup({ announce: () => false });
  none.ports[0]!.inject({
    type: "unavailable",
    error: { code: "DEVICE_LOST", message: "No adapter", details: {} },
  });
  expect((await failure(none.engine.ready())).message).toBe("No adapter");
  expect(none.engine.status()).toMatchObject({ state: "FAILED", retryAt: null });
  await using forbidden = setup({
    open: () => {
      throw new ConfigError("Cannot start the engine's process: no");
    },
  });
  expect((await failure(forbidden.engine.ready())).code).toBe("CONFIG");
});

Deno.test("SupervisedEngine tries again when an engine that ran before cannot be started for once", async () => {
  const ports: InProcessPort[] = [];
  let starts = 0;
  await using test = setup({
    open: () => {
      if (++starts === 2) throw new ConfigError("Too many open files");
      ports.push(inProcessPort());
      return ports.at(-1)!;
    },
  });
  const { engine, clock } = test;
  await engine.ready();
  ports[0]!.die(new Error("panic"));
  await settle();
  clock.advance(firstDelayMs);
  await settle();
  expect(engine.status()).toMatchObject({
    state: "RESTARTING",
    attempt: 2,
    error: { message: "Too many open files" },
  });
  const loading = engine.load(LOAD);
  clock.advance(2 * firstDelayMs);
  expect((await loading).modelKey).toBe("m");
  expect(engine.status()).toMatchObject({ state: "READY", restarts: 2 });
});

Deno.test("SupervisedEngine gives up an engine that neither becomes ready nor dies, and starts another", async () => {
  let announce = false;
  await using test = setup({ announce: () => announce });
  const { engine, ports, clock, news } = test;
  const loading = engine.load(LOAD);
  clock.advance(maxStartMs - 1);
  expect([engine.status().state, ports.length]).toEqual(["STARTING", 1]);
  announce = true;
  clock.advance(1);
  await settle();
  expect(engine.status()).toMatchObject({
    state: "RESTARTING",
    error: { message: "The engine was not ready within 300 seconds" },
  });
  expect(ports[0]!.terminated).toBe(true);
  clock.advance(firstDelayMs);
  expect((await loading).modelKey).toBe("m");
  clock.advance(maxStartMs); // One that was ready in time is left alone.
  await settle();
  expect([engine.status().state, ports.length, news.length]).toEqual(["READY", 2, 1]);
});

Deno.test("SupervisedEngine starts no engine after it was closed, not even one that was due", async () => {
  for (const dies of [false, true]) {
    const test = setup();
    const { engine, ports, clock } = test;
    await engine.load(LOAD);
    const open = run(engine, submitCommand("a", [1], { maxTokens: 40 }));
    if (dies) ports[0]!.die(new Error("panic"));
    await Promise.all([engine[Symbol.asyncDispose](), engine[Symbol.asyncDispose]()]);
    expect((await open).at(-1)!.type).toBe(dies ? "failed" : "finished");
    clock.advance(firstDelayMs);
    await settle();
    expect([ports.length, ports[0]!.terminated]).toEqual([1, true]);
    expect((await failure(engine.load(LOAD))).message).toBe("The engine is closed");
    await engine.unload("m");
  }
});

Deno.test("SupervisedEngine does not spin over a process that dies at once", async () => {
  const clock = new ManualClock();
  const pids: number[] = [];
  const died = Promise.withResolvers<void>();
  const news: EngineNews[] = [];
  await using engine = new SupervisedEngine({
    open: () => {
      const port = openProcessPort({ entry: new URL("./children/crash.ts", import.meta.url) });
      pids.push(port.pid);
      return port;
    },
    clock,
    limits: { maxDeaths: 2 },
    onNews: (each) => {
      news.push(each);
      if (news.length === 1) died.resolve();
    },
  });
  const ready = failure(engine.ready());
  await died.promise;
  await settle();
  expect(pids.length).toBe(1); // Time stands still, and so do the restarts.
  clock.advance(firstDelayMs);
  const { message, details } = await ready;
  expect(message).toMatch(/^The engine died 2 times .* exit code 101$/);
  expect(details["output"]).toEqual(["thread 'main' panicked at wgpu-core: no luck today"]);
  expect(pids.length).toBe(2);
  for (const pid of pids) expect(await processIsGone(pid, 0)).toBe(true);
});

Deno.test("RestartPolicy never restarts sooner than it did, and rests before there are too many deaths", () => {
  const life = fc.record({ waitMs: fc.nat(100_000), readyMs: fc.nat(90_000) });
  fc.assert(fc.property(fc.array(life, { maxLength: 40 }), (lives) => {
    const policy = new RestartPolicy(RESTART_LIMITS);
    const { maxDelayMs, windowMs } = RESTART_LIMITS;
    const restarts: number[] = [];
    let nowMs = 0;
    let lastDelayMs = 0;
    for (const { waitMs, readyMs } of lives) {
      nowMs += waitMs + readyMs;
      const next = policy.died(nowMs, readyMs);
      if (next.kind === "rest") {
        expect(next.delayMs).toBe(restMs);
        continue;
      }
      if (readyMs < healthyMs) expect(next.delayMs).toBeGreaterThanOrEqual(lastDelayMs);
      else expect(next).toMatchObject({ attempt: 1, delayMs: firstDelayMs });
      expect(next.delayMs).toBeLessThanOrEqual(maxDelayMs);
      lastDelayMs = next.delayMs;
      restarts.push(nowMs);
      expect(restarts.filter((at) => nowMs - at < windowMs).length).toBeLessThan(maxDeaths);
    }
  }));
});

Deno.test("RestartPolicy tries one at a time after a rest, until an engine was well", () => {
  const policy = new RestartPolicy(RESTART_LIMITS);
  const { windowMs } = RESTART_LIMITS;
  for (let death = 1; death < maxDeaths; death++) expect(policy.died(death, 0).kind).toBe("restart");
  expect(policy.died(maxDeaths, 0)).toEqual({ kind: "rest", deaths: maxDeaths, delayMs: restMs });
  expect(policy.died(2 * windowMs, healthyMs - 1)).toEqual({ kind: "rest", deaths: 1, delayMs: restMs });
  for (const attempt of [1, 2]) {
    const readyMs = attempt === 1 ? healthyMs : 0;
    expect(policy.died(2 * windowMs + attempt, readyMs)).toMatchObject({ kind: "restart", attempt });
  }
});

Deno.test("RestartPolicy forgets deaths of long ago", () => {
  const policy = new RestartPolicy(RESTART_LIMITS);
  for (let death = 0; death < 3 * maxDeaths; death++) {
    expect(policy.died(death * RESTART_LIMITS.windowMs / (maxDeaths - 1), 0).kind).toBe("restart");
  }
});

Deno.test("RestartPolicy does not count deaths that lie ahead, when the clock has been set back", () => {
  const policy = new RestartPolicy(RESTART_LIMITS);
  const dayMs = 86_400_000;
  for (let death = 1; death < maxDeaths; death++) policy.died(dayMs + death, 0);
  expect(policy.died(0, healthyMs)).toEqual({ kind: "restart", attempt: 1, delayMs: firstDelayMs });
});

Deno.test("PortEngineClient.status() follows its engine", async () => {
  const port = inProcessPort();
  const client = new PortEngineClient(port);
  expect(client.status().state).toBe("STARTING");
  await client.ready();
  expect(client.status()).toMatchObject({ state: "READY", device: FAKE_DEVICE });
  port.die(new Error("panic"));
  expect(client.status()).toMatchObject({ state: "FAILED", retryAt: null });
});
