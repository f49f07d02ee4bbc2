/** README.md of a merged model: front matter with the lineage as model hubs read it, and the configuration. */
import { stringify } from "yaml";
import { type MergePlan, modelNames } from "./plan.ts";

export const MODEL_CARD_FILE = "README.md";

/** Depends on the configuration alone. */
export function modelCard(plan: MergePlan): string {
  const models = parentsOf(plan);
  const frontMatter = stringify({
    base_model: models,
    base_model_relation: "merge",
    library_name: "transformers",
    tags: ["mergekit", "merge"],
  });
  const list = models.map((name) => `- ${inlineCode(name)}${name === plan.leadModel ? " (base)" : ""}`);
  const fence = "`".repeat(longestRun(plan.config.text, "`") + 3);
  const text = plan.config.text.endsWith("\n") ? plan.config.text : plan.config.text + "\n";
  return [
    `---\n${frontMatter}---`,
    `# A ${plan.method.name} merge of ${models.length} models`,
    "Merged with Geodesic after mergekit's semantics. `provenance.json` tells how each tensor came to be.",
    `## Models\n\n${list.join("\n")}`,
    `## Configuration\n\n${fence}yaml\n${text}${fence}\n`,
  ].join("\n\n");
}

/** The models that the merge began with; what its own documents made is none of them. */
function parentsOf({ config }: MergePlan): readonly string[] {
  const made = new Set(config.before.map((document) => document.name));
  const named = [...config.before, config].flatMap(modelNames);
  return [...new Set(named)].filter((name) => !made.has(name));
}

function inlineCode(text: string): string {
  const ticks = "`".repeat(longestRun(text, "`") + 1);
  return `${ticks}${text.replaceAll(/\s+/g, " ")}${ticks}`;
}

function longestRun(text: string, character: string): number {
  let [longest, run] = [0, 0];
  for (const each of text) {
    run = each === character ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
