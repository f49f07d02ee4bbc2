/** Prompts of the demo family with the answers that its reference implementation gave. */

interface Reference {
  readonly model: string;
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
}

/** Token ids of the first `count` conversations of a parent. */
export async function demoTexts(parent: string, count: number): Promise<number[][]> {
  const file = new URL("../../demo/eval/reference.jsonl", import.meta.url);
  const lines = (await Deno.readTextFile(file)).trim().split("\n");
  return lines.map((line): Reference => JSON.parse(line)).filter(({ model }) => model === parent)
    .slice(0, count).map(({ prompt_ids, output_ids }) => [...prompt_ids, ...output_ids]);
}
