/**
 * A slow check, run by hand: `deno run -A tests/model/mistral_7b_load_check.ts [layers] [folder]`. Writes a checkpoint of
 * Mistral 7B's shape in FP8 (7.5 GB on disk with all 32 layers, removed at the end), loads it, and decodes three tokens.
 * Fails where memory is not what was worked out, a token is none, or the same tokens do not come again from another slot.
 * Figures of a machine with two cores stand in bench/RESULTS.md.
 */
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { GpuDevice } from "../../src/gpu/device.ts";
import { probeSubnormals } from "../../src/gpu/subnormals.ts";
import { loadModel } from "../../src/model/load.ts";
import { MISTRAL_7B_SHAPE } from "../support/checkpoint_generator.ts";
import { writeFloat8Checkpoint } from "../support/float8_checkpoint.ts";
import { tempDir } from "../support/temp.ts";
import { generate, GREEDY } from "./harness.ts";

const layers = Number(Deno.args[0] ?? 32);
const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
const log = (what: string) => {
  const peak = /VmHWM:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  console.log(`${seconds().toFixed(1)} s, ${(Number(peak) / 1e6).toFixed(1)} GB at most  ${what}`);
};

await using dir = Deno.args[1] === undefined ? await tempDir() : null;
const path = Deno.args[1] ?? `${dir!.path}/model`;
const config = { ...MISTRAL_7B_SHAPE, num_hidden_layers: layers, head_dim: 128, rope_theta: 1e6 };
await writeFloat8Checkpoint(path, config);
log("written");

using device = await GpuDevice.open();
await probeSubnormals(device.handle); // which a load asks once, with buffers that are gone when it is answered
let made = 0;
const createBuffer = device.handle.createBuffer.bind(device.handle);
device.handle.createBuffer = (descriptor) => {
  made += descriptor.size;
  return createBuffer(descriptor);
};
let rate = 0;
const began = seconds();
{
  using runner = await loadModel(device, path, {
    quantization: "fp8",
    precision: "f32",
    maxContext: 64,
    maxSequences: 2,
    onProgress: ({ bytesPerSecond }) => rate = bytesPerSecond,
  });
  log(
    `loaded onto ${device.info.adapter} in ${(seconds() - began).toFixed(1)} s, ${
      (rate / 1e9).toFixed(2)
    } GB/s`,
  );
  const { totalBytes, weightBytes } = runner.memory;
  log(`${totalBytes} bytes on the device, ${weightBytes} of weights`);
  check(Math.abs(totalBytes - made) < 64, `${made} bytes were allocated`);
  const init = { ...GREEDY, sampling: { ...GREEDY.sampling, logprobs: 1 } };
  const job = { prompt: [1, 31_999, 16_384], count: 3, slot: 0, firstBlock: 0, init };
  const [tokens] = await generate(runner, [job]);
  log(`tokens ${tokens!.map(({ id, logprob }) => `${id} (${logprob.toFixed(2)})`).join(", ")}`);
  check(tokens!.every(({ id }) => id >= 0 && id < 32_000), "a token is outside the vocabulary");
  check(tokens!.every(({ logprob }) => logprob <= 0), "a log-probability is none");
  const [again] = await generate(runner, [{ ...job, slot: 1, firstBlock: 2 }]);
  log("tokens once more");
  check(
    tokens!.every(({ id }, i) => id === again![i]!.id),
    `tokens ${again!.map(({ id }) => id).join(", ")}`,
  );
}
check(liveBufferCount() === 0, `${liveBufferCount()} buffers are left`);

function check(holds: boolean, otherwise: string): void {
  if (holds) return;
  console.error(`Failed: ${otherwise}`);
  Deno.exitCode = 1;
}
