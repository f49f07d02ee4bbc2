/** `geodesic merge`: the same result as the library, errors that explain themselves, and nothing left of a failed merge. */
import { expect } from "@std/expect";
import { hashArtifact } from "../../src/formats/artifact.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, geodesic, geodesicHere, MERGE_FIXTURES, ROOT, startCli } from "./support.ts";

const CASES = `${MERGE_FIXTURES}/cases`;

async function namesIn(dir: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
}
async function hashes(dir: string): Promise<Readonly<Record<string, string>>> {
  const files = await hashArtifact(await ModelFolder.open(dir));
  return Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]));
}

Deno.test("merge gives what the library gives, and finds parents beside the configuration", async () => {
  await using dir = await tempDir();
  const { code, stdout, stderr } = await geodesic(["merge", `${ROOT}demo/merge.yml`, "out/merged"], {
    cwd: dir.path,
  });
  expect({ code, stderr: stderr.includes("100 %, 75/75 tensors") }).toEqual({ code: 0, stderr: true });
  expect(stdout).toContain("58 SLERP");
  const record = await runMerge({
    config: await Deno.readTextFile(`${DEMO}/merge.yml`),
    outDir: dir.join("library"),
    resolve: modelResolver({ cwd: dir.path, configDir: DEMO }),
  });
  expect(await hashes(dir.join("out", "merged"))).toEqual(await hashes(dir.join("library")));
  expect(stdout).toContain(record.artifact.manifestSha256);
});

Deno.test("merge --json prints the provenance record; --model and --out-shard-size are honoured", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    dir.join("config.yml"),
    (await Deno.readTextFile(`${DEMO}/merge.yml`)).replaceAll("parents/helper", "some/helper"),
  );
  const { code, stdout, stderr } = await geodesicHere([
    "merge",
    "config.yml",
    "out",
    "--json",
    "--model",
    "some/helpr=nowhere",
    "--model",
    `some/helper=${DEMO}/parents/helper`,
    "--model",
    `parents/storyteller=${DEMO}/parents/storyteller`,
    "--out-shard-size",
    "2MB",
    "--threads",
    "2",
  ], { userDir: dir.path });
  expect(code).toBe(0);
  expect(stderr.match(/^note: .*/gm)).toEqual([
    'note: --model names "some/helpr", which the configuration does not; did you mean "some/helper"?',
  ]);
  const record = JSON.parse(stdout);
  expect(record.sources.map(({ name }: { name: string }) => name)).toEqual([
    "some/helper",
    "parents/storyteller",
  ]);
  expect(record.tensors.length).toBe(75);
  expect(JSON.parse(await Deno.readTextFile(dir.join("out", "provenance.json")))).toEqual(record);
  expect(await namesIn(dir.join("out"))).toContain("model-00003-of-00003.safetensors");
});

Deno.test("merge takes paths in a configuration from where the user stands first", async () => {
  await using dir = await tempDir();
  const { code } = await geodesicHere(["merge", "cases/slerp-filters/config.yaml", dir.join("out")], {
    userDir: MERGE_FIXTURES,
  });
  expect(code).toBe(0);
});

interface Refusal {
  readonly what: string;
  /** The configuration, after what `damage` did to the copies of the demo's parents beside it. */
  readonly config: (yaml: string) => string;
  readonly damage?: (dir: string) => Promise<void>;
  readonly message: RegExp;
}
const refusals: readonly Refusal[] = [
  {
    what: "a truncated safetensors file",
    config: (yaml) => yaml,
    damage: (dir) => Deno.truncate(`${dir}/parents/helper/model.safetensors`, 4_000_000),
    message: /model\.safetensors.*\[FORMAT\]/,
  },
  {
    what: "a folder that is no model",
    config: (yaml) => yaml,
    damage: (dir) => Deno.remove(`${dir}/parents/helper/config.json`),
    message: /parents\/helper": the folder has no config\.json \[FORMAT\]/,
  },
  {
    what: "a parent that is nowhere",
    config: (yaml) => yaml.replaceAll("parents/helper", "parents/nobody"),
    message: /Cannot find model "parents\/nobody": no folder at .* \[NOT_FOUND\]/,
  },
  {
    what: "vocabularies that cannot be brought together",
    config: () =>
      [
        "models:",
        `  - model: ${ROOT}tests/fixtures/merge/models/small-a`,
        `  - model: ${ROOT}tests/fixtures/merge/models/small-v`,
        "merge_method: slerp",
        `base_model: ${ROOT}tests/fixtures/merge/models/small-a`,
        "tokenizer_source: base",
        "parameters: { t: 0.5 }",
      ].join("\n"),
    message: /tokenizer_source needs a tokenizer\.json with a vocabulary in model .*small-a" \[MERGE\]/,
  },
  {
    what: "an unknown merge method",
    config: (yaml) => yaml.replace("slerp", "blend"),
    message: /"blend".* \[CONFIG\]/,
  },
  {
    what: "a t that is no finite number",
    config: (yaml) => yaml.replace("value: 0.5", "value: .inf"),
    message: /config\.yml.*finite.* \[CONFIG\]/,
  },
  {
    what: "a configuration that is no YAML",
    config: () => "slices: [",
    message: /config\.yml.* \[CONFIG\]/,
  },
];
for (const { what, config, damage, message } of refusals) {
  Deno.test(`merge explains ${what} in one line and writes nothing`, async () => {
    await using dir = await tempDir();
    for (const parent of ["helper", "storyteller"]) {
      await Deno.mkdir(dir.join("parents", parent), { recursive: true });
      for (const name of ["config.json", "model.safetensors"]) {
        await Deno.copyFile(`${DEMO}/parents/${parent}/${name}`, dir.join("parents", parent, name));
      }
    }
    await Deno.writeTextFile(dir.join("config.yml"), config(await Deno.readTextFile(`${DEMO}/merge.yml`)));
    await damage?.(dir.path);
    const { code, stdout, stderr } = await geodesicHere(["merge", "config.yml", "out"], {
      userDir: dir.path,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
    expect(errors).toEqual([expect.stringMatching(message)]);
    expect(await namesIn(dir.path)).toEqual(["config.yml", "parents"]);
  });
}

Deno.test("merge refuses a folder that holds something, and one that cannot be made", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("mine.txt"), "mine");
  const occupied = await geodesicHere(["merge", `${DEMO}/merge.yml`, dir.path]);
  expect(occupied.code).toBe(1);
  expect(occupied.stderr).toContain("name another folder, or delete this one");
  const below = await geodesicHere(["merge", `${DEMO}/merge.yml`, dir.join("mine.txt", "out")]);
  expect(below.code).toBe(1);
  expect(below.stderr).toMatch(/error: Cannot write ".*out": .* \[CONFIG\]/);
  expect(await namesIn(dir.path)).toEqual(["mine.txt"]);
});

Deno.test("merge leaves nothing when it is interrupted, and ends with code 130", async () => {
  await using dir = await tempDir();
  const yaml = await Deno.readTextFile(`${DEMO}/merge.yml`);
  const slice = /^ {2}- sources:\n(?: {6}.*\n)+/m.exec(yaml)![0];
  // Twelve times the demo's layers, so that the merge is far from its end when the signal comes.
  await Deno.writeTextFile(dir.join("config.yml"), yaml.replace(slice, slice.repeat(12)));
  const models = ["helper", "storyteller"].flatMap((
    name,
  ) => ["--model", `parents/${name}=${DEMO}/parents/${name}`]);
  const child = startCli(["merge", dir.join("config.yml"), dir.join("deep", "out"), ...models]);
  let stderr = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stderr) {
    const isFirst = !stderr.includes("Merging");
    stderr += decoder.decode(bytes, { stream: true });
    if (!isFirst || !stderr.includes("Merging")) continue;
    child.kill("SIGINT");
    // A task runner passes on what the terminal has sent already.
    setTimeout(() => {
      try {
        child.kill("SIGINT");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended: the first was enough
      }
    }, 20);
  }
  const { code } = await child.status;
  await child.stdout.cancel();
  expect({ code, error: stderr.split("\n").at(-2) }).toEqual({
    code: 130,
    error: "error: Interrupted [INTERRUPTED]",
  });
  expect(await namesIn(dir.path)).toEqual(["config.yml"]);
});

Deno.test("merge refuses what mergekit refuses", async () => {
  const cases = (await namesIn(CASES)).filter((name) => name.startsWith("error-"));
  expect(cases.length).toBeGreaterThan(5);
  await using dir = await tempDir();
  for (const name of cases) {
    const { code, stderr } = await geodesicHere(["merge", `cases/${name}/config.yaml`, dir.join(name)], {
      userDir: MERGE_FIXTURES,
    });
    expect({ name, code }).toEqual({ name, code: 1 });
    expect(stderr).toMatch(/^(- .*\n)*error: .* \[(CONFIG|MERGE|FORMAT)\]\n$/);
  }
  expect(await namesIn(dir.path)).toEqual([]);
});

Deno.test("merge --arch-info describes an architecture, and inspect shows what came of it", async () => {
  await using dir = await tempDir();
  const models = `${MERGE_FIXTURES}/models`;
  for (const name of ["ft1", "ft2"]) {
    await Deno.mkdir(dir.join(name));
    await Deno.copyFile(`${models}/${name}/model.safetensors`, dir.join(name, "model.safetensors"));
    const config = JSON.parse(await Deno.readTextFile(`${models}/${name}/config.json`));
    const own = { ...config, architectures: ["OwnForCausalLM"], model_type: "own" };
    await Deno.writeTextFile(dir.join(name, "config.json"), JSON.stringify(own));
  }
  await Deno.writeTextFile(
    dir.join("merge.yml"),
    "merge_method: slerp\nbase_model: ft1\nmodels: [{model: ft2}]\nparameters: {t: 0.5}\n",
  );
  const refused = await geodesicHere(["merge", "merge.yml", "out"], { userDir: dir.path });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/"OwnForCausalLM".*--arch-info/s) });
  const description = {
    model_type: "own",
    architectures: ["OwnForCausalLM"],
    pre_weights: [{ name: "model.embed_tokens.weight", is_embed: true }],
    layer_templates: { weights: [{ name: "model.layers.${layer_index}.mlp.up_proj.weight" }] },
    post_weights: [{ name: "model.norm.weight" }],
  };
  await Deno.writeTextFile(dir.join("own.json"), JSON.stringify(description));
  const args = ["merge", "merge.yml", "out", "--arch-info", "own.json", "--json"];
  const { code, stdout } = await geodesicHere(args, { userDir: dir.path });
  expect(code).toBe(0);
  expect(JSON.parse(stdout).tensors).toHaveLength(4);
  const inspection = await geodesicHere(["inspect", "out"], { userDir: dir.path });
  expect(inspection.stdout).toMatch(/architecture +OwnForCausalLM, not one that runs here/);
});
