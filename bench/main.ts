/**
 * `deno task bench [name] [--json]`: runs one benchmark, or all. Each verifies its result before it is timed, and
 * reports ratios to a peer or a limit measured in the same run, because machines differ and are noisy. Figures worth
 * keeping go to RESULTS.md, with the command.
 */
import os from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import { benchConstraints } from "./constraints.ts";
import { benchGateway } from "./gateway.ts";
import { benchHost } from "./host.ts";
import { benchKv } from "./kv.ts";
import { benchEngine } from "./engine.ts";
import { benchKernels } from "./kernels.ts";
import { benchLoad } from "./load.ts";
import { benchMerge, benchMerge7b, type MergeBenchOptions } from "./merge.ts";
import { benchPort } from "./port.ts";
import { benchSpeculation } from "./speculation.ts";
import { benchStep } from "./step.ts";

const BENCHMARKS: Readonly<Record<string, (options: MergeBenchOptions) => Promise<readonly Figure[]>>> = {
  merge: benchMerge,
  step: benchStep,
  speculation: benchSpeculation,
  port: benchPort,
  gateway: benchGateway,
  load: benchLoad,
  kv: benchKv,
  kernels: benchKernels,
  engine: benchEngine,
  constraints: benchConstraints,
  host: benchHost,
  "merge-7b": benchMerge7b,
};
/** Those that take minutes or gigabytes run only when they are asked for. */
const DEFAULT = ["merge", "step", "speculation", "port", "gateway"];

const HELP = `deno task bench [${Object.keys(BENCHMARKS).join("|")}] [options]; without a name: ${
  DEFAULT.join(", ")
}

  --json           machine and figures as JSON on stdout
  --dir PATH       where merge, merge-7b and load put their checkpoints; they need 7, 60 and 3 GB, and remove them
                   (default: the system's folder for temporary files)
  --threads N      of merge and load (default: one for each processor)
  --python PATH    a python3 with numpy, for the ratio to mergekit's arithmetic (default: GEODESIC_PYTHON, or the
                   first of python3 on the PATH and /usr/bin/python3 that has numpy). With another one, or with
                   GEODESIC_PYTHON, run it as: deno run -A bench/main.ts …`;

const { values, positionals } = (() => {
  try {
    return parseArgs({
      args: Deno.args,
      options: {
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        dir: { type: "string" },
        threads: { type: "string" },
        python: { type: "string" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    Deno.exit(2);
  }
})();
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const names = positionals.length === 0 ? DEFAULT : positionals;
const unknown = names.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined) {
  console.error(`error: no benchmark "${unknown}"; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  Deno.exit(2);
}
if (values.threads !== undefined && !/^[1-9]\d*$/.test(values.threads)) {
  console.error(`error: --threads is "${values.threads}", expected a positive integer`);
  Deno.exit(2);
}
const options: MergeBenchOptions = {
  ...(values.dir !== undefined && { dir: resolve(values.dir) }),
  ...(values.threads !== undefined && { threads: Number(values.threads) }),
  ...(values.python !== undefined && { python: values.python }),
};
const results: Record<string, readonly Figure[]> = {};
for (const name of names) {
  console.error(`${name}: verifying, then timing; this takes a minute or more …`);
  const figures = await BENCHMARKS[name]!(options);
  results[name] = figures;
  if (values.json) continue;
  console.log(`\n${name}`);
  for (const { name, value, unit, note } of figures) {
    const shown = value === null ? "—" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
    console.log(
      `  ${name.padEnd(44)} ${shown.padStart(10)} ${unit}${note === undefined ? "" : `  (${note})`}`,
    );
  }
}
if (values.json) {
  const machine = {
    processor: os.cpus()[0]?.model ?? null,
    processors: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    deno: Deno.version.deno,
    // One, five and fifteen minutes up to now: the benchmark's own work is in them.
    loadAverage: Deno.loadavg(),
  };
  console.log(JSON.stringify({ machine, ...results }, null, 2));
}
