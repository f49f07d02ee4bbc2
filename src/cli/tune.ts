/** `geodesic tune MODEL`: which forms of the kernels are quickest for a model on this machine's GPU. */
import { GATEWAY_DEFAULTS, tunedDirOf } from "../app/compose.ts";
import { GpuDevice } from "../gpu/device.ts";
import type { LinearTuning } from "../kernels/linear.ts";
import type { TriedForm, TunedStep } from "../model/tune.ts";
import { PROMPT_ROWS, type Tuned, tuneModel } from "../model/tune_model.ts";
import type { KeptSoFar } from "../model/tune_record.ts";
import type { TriedTile } from "../model/tune_tiles.ts";
import type { Command, Invocation } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT, InterruptedError } from "./errors.ts";
import { findModelFolder } from "./find_model.ts";
import { printable } from "./printable.ts";
import { Progress } from "./progress.ts";
import { LEAST_GPU_MEMORY, sizeOf } from "./size_option.ts";
import {
  accumulationOf,
  accumulationOption,
  kvCacheDtypeOption,
  precisionOption,
  quantizationOption,
} from "./weight_options.ts";

const DEFAULT_TRIES = 24;

export const tuneCommand: Command = {
  name: "tune",
  summary: "Find out which forms of the kernels are quickest for a model on this GPU, and keep them",
  positionals: ["MODEL"],
  options: {
    quantization: {
      ...quantizationOption,
      description: "How the model is held: tuning counts for that (default: as it is registered, or fp8)",
    },
    precision: precisionOption,
    "kv-cache-dtype": kvCacheDtypeOption,
    accumulation: accumulationOption,
    rows: {
      type: "string",
      value: "1,2,…",
      description:
        "Generations in one step to tune for (default: all that the kernels tell apart, 1, 2, 4, 8 or 1, 4)",
    },
    prompts: {
      type: "string",
      value: "16,32,…",
      description: `Prompt tokens in one step to tune for, each down to half of it; 0: none (default ${
        PROMPT_ROWS.join(",")
      })`,
    },
    tries: {
      type: "string",
      value: "N",
      description: `Forms to try of each matrix and number of rows (default ${DEFAULT_TRIES})`,
    },
    "gpu-memory": {
      type: "string",
      value: "SIZE",
      description: "What the model may take of the GPU, as in 20GB (default: as much as there is)",
    },
    retry: {
      type: "boolean",
      description: "Try again what earlier runs ended with, as with a device that was lost",
    },
    data: dataDirOption,
    json: { type: "boolean", description: "Print what was measured, and errors, as one JSON object" },
  },
  notes:
    "MODEL is a folder or the name of a registered model. Run it while nothing else uses the GPU; a 7B model takes some\n" +
    "minutes there. Whole steps are timed, with one form exchanged at a time. A form that is shorter by 1 %, measured in\n" +
    "turns, is taken. All forms give the same tokens, to the last bit, so only the speed changes.\n" +
    "What is found lies in DATA/tuned, until the kernels change. Loads on the same GPU take it for models of the same\n" +
    "shape that are held in the same way; a model that is loaded already takes it with its next load. Note that generate\n" +
    "holds a model as it is stored unless it is told otherwise.\n" +
    "What is found for a matrix and a number of rows is kept once all its forms were tried. So a run that is interrupted,\n" +
    "or loses the device, keeps what it had finished, and the next one goes on from there. A form with which a run has\n" +
    "ended is left out from then on, unless --retry is given.",
  async run(invocation) {
    const { terminal, signal } = invocation;
    const options = readOptions(invocation);
    const dataDir = dataDirOf(invocation);
    const { path, servedQuantization } = await findModelFolder(invocation.positional("MODEL"), {
      ...terminal,
      dataDir,
    });
    const quantization = invocation.text("quantization") === undefined
      ? servedQuantization ?? GATEWAY_DEFAULTS.quantization
      : invocation.choice("quantization", ["none", "fp8"]);
    using bar = new Progress(terminal);
    using device = await GpuDevice.open({ signal });
    const log = (line: string) => terminal.writeStatus(`${printable(line)}\n`);
    const { adapter, software } = device.info;
    const held = { quantization, precision: options.precision, accumulation: options.accumulation };
    log(`WebGPU device: ${adapter}${software ? " (software: exact, and slow)" : ""}`);
    let kept: KeptSoFar | undefined;
    const tuned = await tuneModel(device, path, {
      ...options,
      quantization,
      tunedDir: tunedDirOf(dataDir),
      signal,
      log,
      onProgress: ({ loadedBytes, totalBytes }) =>
        bar.update({ stage: "Loading", doneBytes: loadedBytes, totalBytes }),
      onTry: (tried) => log(describeTry(tried)),
      onTryTile: (tried) => log(describeTile(tried)),
      onKept: (told) => kept = told,
    }).catch((error) => {
      if (signal.reason instanceof InterruptedError) {
        throw signal.reason.leaving(describeKept(kept), { ...kept });
      }
      if (kept !== undefined) log(describeKept(kept));
      throw error;
    });
    if (invocation.flag("json")) terminal.print(JSON.stringify({ adapter, ...held, ...tuned }));
    else terminal.print([...describe(tuned), usedFor(held)].map(printable).join("\n"));
    return EXIT.done;
  },
};

function readOptions(invocation: Invocation) {
  const rows = numbersOf(invocation, "rows", "1,4");
  const prompts = invocation.text("prompts") === "0" ? [] : numbersOf(invocation, "prompts", "16,128");
  return {
    precision: invocation.choice("precision", ["f32", "f16"]),
    kvCacheDtype: invocation.choice("kv-cache-dtype", ["auto", "fp8"]),
    accumulation: accumulationOf(invocation),
    rows,
    prompts,
    retries: invocation.flag("retry"),
    maxTries: invocation.integer("tries", { min: 1, max: 1000 }) ?? DEFAULT_TRIES,
    memoryBytes: sizeOf(invocation, "gpu-memory", LEAST_GPU_MEMORY),
  };
}

function usedFor(held: Readonly<Record<string, string>>): string {
  const options = Object.entries(held).map(([name, value]) => `--${name} ${value}`);
  return `Used where a model of this shape is loaded with ${options.join(" ")}`;
}

function numbersOf(invocation: Invocation, name: string, example: string): readonly number[] | undefined {
  const text = invocation.text(name);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,2}(,[1-9]\d{0,2})*$/.test(text)) {
    throw invocation.usageError(`--${name} is "${text}", expected numbers from 1 to 999 such as ${example}`);
  }
  return [...new Set(text.split(",").map(Number))];
}

function describeKept(kept: KeptSoFar | undefined): string {
  if (kept === undefined) return "Nothing new is kept: no matrix was searched through";
  const { path, places } = kept;
  const what = places === 1 ? "1 place (a matrix" : `${places} places (each a matrix`;
  return `What was found for ${what} and a number of rows) is kept in ${path}`;
}

function describeTile({ role, rows, tile, ...outcome }: TriedTile): string {
  return `${role}, prompt of ${rows}: tile ${tile}: ${outcomeOf(outcome)}`;
}

function outcomeOf(
  { ms, bestMs, isTaken, isLeftOut }: Pick<TriedForm, "ms" | "bestMs" | "isTaken" | "isLeftOut">,
): string {
  if (isLeftOut) return "left out, an earlier run ended with it (--retry tries it again)";
  return ms === null
    ? "does not run here, or not with the same bits"
    : `${ms.toFixed(3)} ms a step, ${isTaken ? "taken" : `the best so far ${bestMs.toFixed(3)}`}`;
}

function describeTry({ role, rows, form, ...outcome }: TriedForm): string {
  return `${role}, ${rows} ${rows === 1 ? "row" : "rows"}: ${formText(form)}: ${outcomeOf(outcome)}`;
}

function formText({ core, asksEarly, ...numbers }: LinearTuning): string {
  const told = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
  return [core, ...told, ...asksEarly ? ["asks early"] : []].join(" ");
}

function describe({ path, steps, prompts }: Tuned): string[] {
  const isQuicker = [...steps, ...prompts].some(({ beforeMs, afterMs }) => afterMs < beforeMs);
  return [
    ...table("rows", steps),
    ...prompts.length === 0 ? [] : table("prompt", prompts),
    ...isQuicker ? [] : ["Nothing quicker was found"],
    `Kept in ${path}`,
  ];
}

function table(what: string, steps: readonly TunedStep[]): string[] {
  const columns = [what.padStart(6), "before (ms a step)", "  after", "before / after"];
  return [
    columns.join("   "),
    ...steps.map(({ rows, beforeMs, afterMs }) =>
      [String(rows), beforeMs.toFixed(3), afterMs.toFixed(3), (beforeMs / afterMs).toFixed(3)]
        .map((text, index) => text.padStart(columns[index]!.length)).join("   ")
    ),
  ];
}
