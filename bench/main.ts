/**
 * `deno task bench [name] [--json]`: runs one benchmark, or all. Each verifies its result before it is timed, and
 * reports ratios to a peer or a limit measured in the same run, because machines differ and are noisy. Figures worth
 * keeping go to RESULTS.md, with the command.
 */
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import { benchMerge, benchMerge7b } from "./merge.ts";
import { benchPort } from "./port.ts";
import { benchStep } from "./step.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  merge: benchMerge,
  step: benchStep,
  port: benchPort,
  "merge-7b": benchMerge7b,
};
/** Those that take minutes and tens of gigabytes run only when they are asked for. */
const DEFAULT = ["merge", "step", "port"];

const { values, positionals } = (() => {
  try {
    return parseArgs({
      args: Deno.args,
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    Deno.exit(2);
  }
})();
if (values.help) {
  console.log(
    `deno task bench [${Object.keys(BENCHMARKS).join("|")}] [--json]; without a name: ${DEFAULT.join(", ")}`,
  );
  Deno.exit(0);
}
const names = positionals.length === 0 ? DEFAULT : positionals;
const unknown = names.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined) {
  console.error(`error: no benchmark "${unknown}"; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  Deno.exit(2);
}
const results: Record<string, readonly Figure[]> = {};
for (const name of names) {
  console.error(`${name}: verifying, then timing; this takes a minute or more …`);
  const figures = await BENCHMARKS[name]!();
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
if (values.json) console.log(JSON.stringify(results, null, 2));
