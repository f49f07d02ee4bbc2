/**
 * The engine's process as its gateway sees it: a real process each time. What it prints, how it ends, what it may not
 * do, and what becomes of it when the one or the other is stopped or killed.
 */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { PortEngineClient } from "../../src/engine/client.ts";
import { FrameDecoder, FrameEncoder } from "../../src/engine/frames.ts";
import { openProcessPort } from "../../src/engine/process_port.ts";
import type { EngineMessage, Pong } from "../../src/engine/protocol.ts";
import { startPulse } from "../../src/engine/pulse.ts";
import { openWorkerPort } from "../../src/engine/worker_port.ts";
import { failure } from "../support/failure.ts";
import { submitCommand } from "../support/fake_engine.ts";
import { hasDevice } from "../gpu/device.ts";
import { processIsGone, readProc } from "../support/processes.ts";

const HELPER = fileURLToPath(new URL("../../demo/parents/helper", import.meta.url));
const FIXTURE = fileURLToPath(new URL("../fixtures/forward/gqa", import.meta.url));
const ENTRY = fileURLToPath(new URL("../../src/engine/process.ts", import.meta.url));
const child = (name: string) => new URL(`./children/${name}.ts`, import.meta.url);
const LOAD = {
  modelKey: "m",
  path: HELPER,
  quantization: "none",
  precision: "f32",
  maxContext: 1024,
  maxSequences: 4,
} as const;

function deviceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasDevice || Deno.build.os !== "linux", fn });
}

/** Resolves with why the engine is gone. */
function lossOf(client: PortEngineClient) {
  return new Promise<Error & { readonly details: Readonly<Record<string, unknown>> }>((resolve) =>
    client.onLost(resolve)
  );
}

Deno.test("openProcessPort() tells what a process prints from its messages, and bounds it", async () => {
  const lines: string[] = [];
  await using client = new PortEngineClient(
    openProcessPort({ entry: child("chatty"), onOutput: (line) => lines.push(line) }),
  );
  const lost = lossOf(client);
  expect((await client.ready()).adapter).toBe("chatty");
  const { message, details } = await lost;
  expect(message).toBe("The engine's process died: exit code 3");
  expect(details["code"]).toBe(3);
  expect((details["output"] as string[]).at(-1)).toBe("the last words");
  expect((details["output"] as string[]).length).toBe(20);
  expect(lines).toContain("a native library says hello");
  expect(lines).toContain("and goes on");
  expect(lines).toContain("line 0");
  expect(lines.length).toBeLessThanOrEqual(201);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(501);
});

Deno.test("openProcessPort() ends a process whose messages cannot be read", async () => {
  const port = openProcessPort({ entry: child("malformed") });
  await using client = new PortEngineClient(port);
  const { message } = await lossOf(client);
  expect(message).toBe("The engine's process is given up: Cannot read a frame: its checksum is wrong");
  expect(await processIsGone(port.pid, 5_000)).toBe(true);
});

for (const [when, entry] of [["at once", "crash"], ["in the middle of a message", "cut_off"]] as const) {
  Deno.test(`openProcessPort() tells what a process said that died ${when}`, async () => {
    await using client = new PortEngineClient(openProcessPort({ entry: child(entry) }));
    const lost = lossOf(client);
    const error = await failure(client.ready());
    expect(error.message).toBe("The engine's process died: exit code 101");
    expect((await lost).details["output"]).toEqual(["thread 'main' panicked at wgpu-core: no luck today"]);
  });
}

Deno.test("openProcessPort() refuses requests beyond what may wait to be read, and its process lives on", async () => {
  const port = openProcessPort({ entry: child("idle") });
  const client = new PortEngineClient(port);
  await client.ready();
  const deaths: unknown[] = [];
  client.onLost((error) => deaths.push(error));
  const refused = Promise.withResolvers<unknown>();
  // All in one turn, as after a restart; each takes 7 MB.
  const prompt = Array<number>(2 ** 20).fill(100_000);
  for (let index = 0; index < 12; index++) {
    client.submit(submitCommand(`${index}`, prompt), refused.resolve);
  }
  expect(await refused.promise).toMatchObject({
    type: "failed",
    requestId: "10",
    error: { code: "CAPACITY", details: { retryAfterMs: 1_000 } },
  });
  expect(deaths).toEqual([]);
  await port.terminate();
});

Deno.test({
  name: "openProcessPort() hears of a death though somebody else holds the streams of the process open",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const port = openProcessPort({ entry: child("idle") });
    await using client = new PortEngineClient(port);
    await client.ready();
    // As a helper does that the driver has started: it has inherited them, and lives on until its input ends.
    const hold = `exec 3>/proc/${port.pid}/fd/1 4>/proc/${port.pid}/fd/2 && echo held && read _`;
    await using helper = new Deno.Command("sh", {
      args: ["-c", hold],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = helper.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("held\n");
    const lost = lossOf(client);
    const failed = new Promise((resolve) => client.submit(submitCommand("r", [1]), resolve));
    Deno.kill(port.pid, "SIGKILL");
    expect((await lost).message).toBe("The engine's process died: SIGKILL");
    expect(await failed).toMatchObject({ type: "failed", error: { code: "DEVICE_LOST" } });
    await helper.stdin.close();
    await reader.cancel();
  },
});

deviceTest(
  "openProcessPort() notices a process that is stopped, and leaves one that works alone",
  async () => {
    const port = openProcessPort({ pulse: { intervalMs: 50, maxSilentRounds: 10, maxStartRounds: 1000 } });
    await using client = new PortEngineClient(port);
    await client.load(LOAD); // Longer than the pulse allows for silence, and heard all the time.
    const lost = lossOf(client);
    const ended = Promise.withResolvers<unknown>();
    client.submit(submitCommand("r", [1], { maxTokens: 1000, ignoreEos: true }), (message) => {
      if (message.type === "promptProcessed") Deno.kill(port.pid, "SIGSTOP");
      if (message.type === "failed") ended.resolve(message.error);
    });
    expect((await lost).message).toMatch(/^The engine's process hangs: no answer for \d+ ms$/);
    expect(await ended.promise).toMatchObject({ code: "DEVICE_LOST" });
    await client[Symbol.asyncDispose]();
    expect(await processIsGone(port.pid, 0)).toBe(true);
  },
);

deviceTest("openWorkerPort() tells for how long its thread has not answered", async () => {
  const port = openWorkerPort();
  await using client = new PortEngineClient(port);
  expect(port.silentMs()).toBe(0); // It asks.
  expect(port.silentMs()).toBeGreaterThan(0); // A thread that starts has not answered yet.
  await client.ready();
  await client.metrics();
  expect(port.silentMs()).toBe(0);
});

Deno.test("startPulse() gives up a thread that is stuck, though its process answers", () => {
  const verdicts: string[] = [];
  let answer: (pong: Pong) => void = () => {};
  using _pulse = startPulse({
    ping: () => {},
    onPong: (listener) => answer = listener,
    onSilent: ({ message }) => verdicts.push(message),
    maxThreadSilentMs: 300_000,
  });
  answer({ type: "pong", silentMs: 300_000 }); // One long step.
  expect(verdicts).toEqual([]);
  answer({ type: "pong", silentMs: 300_001 });
  answer({ type: "pong", silentMs: 300_002 }); // Sent before its end came.
  expect(verdicts).toEqual(["The engine's thread hangs: no answer for 300001 ms"]);
});

deviceTest("openProcessPort() leaves nothing behind when its client is disposed", async () => {
  const port = openProcessPort();
  const client = new PortEngineClient(port);
  await client.load(LOAD);
  await client[Symbol.asyncDispose]();
  expect(await processIsGone(port.pid, 0)).toBe(true);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  deviceTest(`process.ts leaves ${signal} to its gateway`, async () => {
    const port = openProcessPort();
    await using client = new PortEngineClient(port);
    await client.ready();
    Deno.kill(port.pid, signal);
    expect((await client.metrics()).models).toEqual([]);
  });
}

deviceTest("process.ts ends with its gateway, however that ends, in the middle of its work", async () => {
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(child("parent"))],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  expect(pid).toBeGreaterThan(1);
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  expect(await processIsGone(pid, 2_000)).toBe(true);
});

/** The process without the gateway's end of it: bytes in, messages out, read when the test says so. */
function rawProcess(permissions: readonly string[] = ["--allow-read"]) {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, ENTRY],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = process.stdin.getWriter();
  const frames = new FrameEncoder();
  return {
    process,
    input,
    send: (message: unknown) => input.write(frames.encode(message)),
  };
}

async function* messagesOf(process: Deno.ChildProcess): AsyncGenerator<EngineMessage | Pong> {
  const arrived: unknown[] = [];
  const decoder = new FrameDecoder({ onMessage: (message) => arrived.push(message) });
  for await (const chunk of process.stdout) {
    decoder.push(chunk);
    yield* arrived.splice(0) as (EngineMessage | Pong)[];
  }
}

Deno.test("process.ts ends with a typed error at bytes that are no command", async () => {
  const { process, input } = rawProcess();
  await input.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  const messages = await Array.fromAsync(messagesOf(process));
  await input.close().catch(() => {});
  expect(messages.at(-1)).toMatchObject({
    type: "unavailable",
    error: { code: "FORMAT", message: "Cannot read a frame: it does not begin as one" },
  });
  expect((await process.status).code).toBe(70);
});

deviceTest(
  "process.ts ends in peace when it has closed, though its input ends in the same moment",
  async () => {
    // Where it does not wait for the driver, one end in five is a segmentation fault.
    const end = async () => {
      const { process, input, send } = rawProcess();
      await send({ type: "metrics" });
      for await (const { type } of messagesOf(process)) {
        if (type === "metrics") await send({ type: "close" });
        if (type === "closed") await input.close();
      }
      const { code, signal } = await process.status;
      return signal ?? code;
    };
    const ends: (string | number)[] = [];
    while (ends.length < 3) ends.push(await end());
    expect(ends).toEqual(ends.map(() => 0));
  },
);

/** Resolves when the process has used next to no processor time for a while: it is held up, or has nothing left to do. */
async function restOf(pid: number): Promise<void> {
  const ticks = async () => {
    const fields = (await readProc(`${pid}/stat`))!.replace(/^.*\) /, "").split(" ");
    return Number(fields[11]) + Number(fields[12]); // user and system, in hundredths of a second
  };
  for (let quiet = 0, last = await ticks(); quiet < 4;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await ticks();
    quiet = now - last <= 1 ? quiet + 1 : 0;
    last = now;
  }
}

deviceTest("process.ts holds its engine up while the gateway does not read, and loses nothing", async () => {
  const { process, input, send } = rawProcess();
  await send({ ...LOAD, type: "load", path: FIXTURE, maxContext: 128, maxSequences: 32 });
  // A message a token, of some 1.5 KB: 2,560 of them, where the pipe and what may be unread take some 1,100.
  const requestIds = Array.from({ length: 32 }, (_, index) => `${index}`.padEnd(1_500, "-"));
  const sampling = { maxTokens: 80, ignoreEos: true, temperature: 0 };
  const counts = new Map<string, number>();
  const reasons: string[] = [];
  let paused = false;
  for await (const message of messagesOf(process)) {
    if (message.type === "failed" || message.type === "loadFailed") throw new Error(message.error.message);
    if (message.type === "loaded") {
      for (const [index, id] of requestIds.entries()) await send(submitCommand(id, [index], sampling));
    }
    if (message.type === "tokens") {
      const { requestId, tokens } = message;
      counts.set(requestId, (counts.get(requestId) ?? 0) + tokens.length);
      if (!paused) {
        paused = true;
        await restOf(process.pid);
        // Whoever had gone on would be ready by now, and there would be nothing left to cancel.
        for (const id of requestIds.slice(1)) await send({ type: "cancel", requestId: id });
      }
    }
    if (message.type !== "finished") continue;
    expect(counts.get(message.requestId)).toBe(message.completionTokens);
    if (reasons.push(message.reason) === requestIds.length) break;
  }
  expect(reasons.filter((reason) => reason === "CANCELLED").length).toBe(31);
  expect(counts.get(requestIds[0]!)).toBe(80);
  await input.close();
  await process.status;
});

deviceTest(
  "openProcessPort() needs no permission but to run Deno, whatever the loader's variables say",
  async () => {
    const code = `
    import { PortEngineClient } from "${new URL("../../src/engine/client.ts", import.meta.url)}";
    import { openProcessPort } from "${new URL("../../src/engine/process_port.ts", import.meta.url)}";
    const client = new PortEngineClient(openProcessPort());
    console.log((await client.ready()).adapter !== "");
    await client[Symbol.asyncDispose]();
  `;
    const run = (permissions: readonly string[]) =>
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          "--allow-read",
          "--ignore-env",
          ...permissions,
          `data:application/typescript,${encodeURIComponent(code)}`,
        ],
        env: { LD_LIBRARY_PATH: "/nowhere" },
      }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const may = await run([`--allow-run=${Deno.execPath()}`]);
    expect({ stdout: decode(may.stdout), stderr: decode(may.stderr) }).toEqual({
      stdout: "true\n",
      stderr: "",
    });
    const mayNot = await run([]);
    expect(decode(mayNot.stderr)).toMatch(/Cannot start the engine's process: Requires run access/);
  },
);
