/** Every kernel's declaration against its WGSL text, and the text against what naga accepts but gets wrong. */
import { expect } from "@std/expect";
import type { AnyKernel, BindingAccess, KernelVariant } from "../../src/gpu/kernel.ts";
import { shaderText } from "../../src/gpu/shader.ts";
import { ALL_KERNELS } from "../../src/kernels/all.ts";
import { halfInput, linearVariant, withDefaults } from "../../src/kernels/linear.ts";
import { HALF_TILES, subgroupTuning } from "../../src/kernels/tuning.ts";
import { gpuTest } from "../gpu/device.ts";
import { SUBGROUP } from "./harness.ts";

const SHADERS = new URL("../../shaders/", import.meta.url);

function shaderFiles(folder: string): string[] {
  const names: string[] = [];
  for (const entry of Deno.readDirSync(new URL(folder, SHADERS))) {
    if (entry.isFile && entry.name.endsWith(".wgsl")) names.push(entry.name.slice(0, -".wgsl".length));
  }
  return names.sort();
}

/** Without comments, so that prose is never taken for code. */
function code(path: string): string {
  return shaderText(path).replace(/\/\/.*$/gm, "");
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)];

Deno.test("ALL_KERNELS names every shader once, and every library is used", () => {
  expect(ALL_KERNELS.map(({ name }) => name).sort()).toEqual(shaderFiles("."));
  const chosen = ALL_KERNELS.flatMap(({ libs = {} }) => Object.values<readonly string[]>(libs).flat());
  const used = new Set(chosen);
  for (const lib of chosen) {
    const text = Deno.readTextFileSync(new URL(`lib/${lib}.wgsl`, SHADERS));
    for (const [, name] of matches(text, /^\/\/! use (\w+)$/gm)) used.add(name!);
  }
  expect([...used].sort()).toEqual(shaderFiles("lib/"));
});

for (const kernel of ALL_KERNELS) {
  Deno.test(`${kernel.name} declares what its WGSL declares`, () => {
    const text = code(kernel.name);
    const bindings = matches(text, /@group\(0\) @binding\((\d+)\) var<(?:storage, )?(\w+)> (\w+): (\w+)/g);
    const spelled = { read: "read", write: "read_write", read_write: "read_write", uniform: "uniform" };
    const declared = Object.entries<BindingAccess>({ ...kernel.bindings, params: "uniform" });
    expect(bindings.map(([, index, access, name]) => [Number(index), access, name]))
      .toEqual(declared.map(([name, access], index) => [index, spelled[access], name]));
    expect(bindings.at(-1)?.[4]).toBe("Params");
    expect(text).not.toMatch(/@group\([^0]\)/);
    const [params] = matches(text, /struct Params \{([^}]*)\}/g);
    const fields = matches(params?.[1] ?? "", /(\w+): (\w+),/g).map(([, name, type]) => [name, type]);
    expect(fields).toEqual(Object.entries<string>(kernel.params));
    expect(fields.length * 4).toBeLessThanOrEqual(256);
    const overrides = matches(text, /override (\w+): u32 = (\d+);/g);
    expect(Object.fromEntries(overrides.map(([, name, value]) => [name, Number(value)])))
      .toEqual(kernel.overrides);
    expect(matches(text, /@compute @workgroup_size\([^)]*\)\s*fn (\w+)/g).map(([, name]) => name))
      .toEqual([kernel.name]);
  });
}

for (const path of [...shaderFiles("."), ...shaderFiles("lib/").map((name) => `lib/${name}`)]) {
  Deno.test(`${path}.wgsl begins with its contract and keeps clear of naga's traps`, () => {
    expect(shaderText(path)).toMatch(/^(enable f16;\n)?\/\/ /);
    const text = code(path);
    // naga 29 does not zero a variable again on each turn of a loop.
    expect(matches(text, /\bvar \w+\s*(:[^=;]*)?;/g).map(String)).toEqual([]);
    // A parse error in naga, though the builtins work without it.
    expect(text).not.toContain("enable subgroups");
    expect(text).not.toMatch(/bitcast<vec\d<f16>>/);
    // WGSL wants barriers in uniform control flow and naga does not check: none inside an if.
    for (const [body] of matches(text, /\bif \([^{]*\{[^{}]*\}/g)) expect(body).not.toContain("Barrier()");
  });
}

const { decode: [subgroups], prompt: [tile] } = subgroupTuning(SUBGROUP).matrices.output;
const half = linearVariant("fp8", HALF_TILES[0]!);
const [alone, several] = subgroupTuning(SUBGROUP).halves!.output.decode;
const row = (input?: string): KernelVariant => ({
  libs: { weight: "weight_fp8", core: "core_row_f16", ...input !== undefined && { input } },
  overrides: withDefaults(alone!),
});
/** What a library demands of the kernel's tunables and of the other libraries, where the defaults are not for it. */
const FITTING: Readonly<Record<string, KernelVariant>> = {
  core_subgroup: { overrides: withDefaults(subgroups!) },
  core_tile: { overrides: withDefaults(tile!) },
  core_subgroup_f16: {
    libs: { weight: "weight_fp8", input: "input_half" },
    overrides: withDefaults(several!),
  },
  core_tile_f16: half,
  input_half: half,
  row_normed: row(),
  row_plain: row(),
};

/** Every choice of libraries once, the other slots at their defaults. */
function variants(kernel: AnyKernel): KernelVariant[] {
  const result: KernelVariant[] = [{}];
  for (const [slot, choices] of Object.entries<readonly string[]>(kernel.libs ?? {})) {
    for (const choice of choices.slice(1)) {
      const { libs = {}, overrides = {} } = choice === "core_row_f16"
        ? row(halfInput(kernel, alone!))
        : FITTING[choice] ?? {};
      result.push({ libs: { ...libs, [slot]: choice }, overrides });
    }
  }
  return result;
}

gpuTest("every kernel compiles with each of its libraries", async (device) => {
  for (const kernel of ALL_KERNELS) {
    for (const variant of variants(kernel)) {
      const f16 = Object.values(variant.libs ?? {}).some((lib) =>
        ["act_f16", "input_half", "core_row_f16"].includes(lib)
      );
      if (f16 && !device.has("shader-f16")) continue;
      await device.compile(kernel, variant);
    }
  }
});
