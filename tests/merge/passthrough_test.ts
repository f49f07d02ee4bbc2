// Stacks: slices of models end to end, and what becomes of what config.json says of single layers.
import { expect } from "@std/expect";
import { merge, pair } from "../support/merge_pair.ts";
import { floats, loadTensors } from "../support/safetensors.ts";

const stack = (base: string) =>
  `merge_method: passthrough
${base}
slices:
  - sources: [{model: a, layer_range: [0, 2]}]
  - sources: [{model: b, layer_range: [1, 2]}]
  - sources:
      - {model: a, layer_range: [1, 2], parameters: {scale: [{filter: down_proj, value: 0}, {filter: norm, value: 2}]}}
`;

for (const base of ["", "base_model: a", "base_model: b"]) {
  Deno.test(`passthrough with "${base}" lays layers end to end, scaled where that is asked`, async () => {
    await using dir = await pair();
    await merge(dir, { config: stack(base) });
    const [a, b, out] = await Promise.all(
      ["a", "b", "out"].map((name) => loadTensors(dir.join(name, "model.safetensors"))),
    );
    const up = (layer: number) => `model.layers.${layer}.mlp.up_proj.weight`;
    const down = (layer: number) => `model.layers.${layer}.mlp.down_proj.weight`;
    const norm = (layer: number) => `model.layers.${layer}.input_layernorm.weight`;
    const sources = [[a!, 0], [a!, 1], [b!, 1], [a!, 1]] as const;
    for (const [layer, [source, from]] of sources.entries()) {
      expect(out!.get(up(layer))).toEqual(source.get(up(from)));
      if (layer < 3) expect(out!.get(down(layer))).toEqual(source.get(down(from)));
    }
    expect([...floats(out!.get(down(3))!)].every((value) => value === 0)).toBe(true);
    expect(floats(out!.get(norm(3))!)).toEqual(floats(a!.get(norm(1))!).map((value) => 2 * value));
    // Norm and lm_head are those of the last slice, and so is what it says of them.
    expect(floats(out!.get("model.norm.weight")!)).toEqual(
      floats(a!.get("model.norm.weight")!).map((value) => 2 * value),
    );
    expect(out!.get("lm_head.weight")).toEqual(a!.get("lm_head.weight")!);
  });
}

Deno.test("what config.json says of single layers goes where they go", async () => {
  const typed = (layer_types: unknown) => ({ config: { layer_types } });
  const types = async (config: string, a: unknown, b: unknown) => {
    await using dir = await pair(typed(a), typed(b));
    await merge(dir, { config });
    const { num_hidden_layers, layer_types } = JSON.parse(
      await Deno.readTextFile(dir.join("out/config.json")),
    );
    return [num_hidden_layers, layer_types];
  };
  const [full, sliding] = ["full_attention", "sliding_attention"];
  const expected = [4, [sliding, full, full, full]];
  expect(await types(stack("base_model: a"), [sliding, full], [sliding, full])).toEqual(expected);
  expect(await types(stack("base_model: b"), [sliding, full], [sliding, full])).toEqual(expected);
  expect(await types(stack(""), [full, sliding], [sliding, full])).toEqual([4, [
    full,
    sliding,
    full,
    sliding,
  ]]);
  // Where a model says nothing of its layers, or of another number of them, nothing is left to go by.
  expect(await types(stack("base_model: a"), [full, sliding], undefined)).toEqual([4, undefined]);
  expect(await types(stack("base_model: a"), [full], [full, full])).toEqual([4, undefined]);
  const whole = "merge_method: passthrough\nmodels: [{model: a}]\n";
  expect(await types(whole, [sliding, full], null)).toEqual([2, [sliding, full]]);
});
