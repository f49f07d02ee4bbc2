/**
 * Chat templates against the reference implementation: what transformers 5.18.0 (`render_jinja_template`, Jinja 3.1.6)
 * makes of the templates in template_snippets.jsonl, a null prompt where it raises.
 */
import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { BoundedTemplate } from "../../src/tokenizer/bounded_template.ts";
import { strftime } from "../../src/tokenizer/template_time.ts";

interface Snippet {
  readonly template: string;
  readonly prompt: string | null;
}

const SNIPPETS: readonly Snippet[] = Deno.readTextFileSync(
  new URL("template_snippets.jsonl", import.meta.url),
)
  .trim().split("\n").map((line) => JSON.parse(line));
const VARIABLES = {
  messages: [
    { role: "system", content: " Sys " },
    { role: "user", content: "Hello World\n x" },
    { role: "assistant", content: "<think>a</think>\n\nb" },
    { role: "user", content: "abcabc" },
  ],
  ...{ bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", pad_token: "<pad>" },
  ...{ tools: null, documents: null, add_generation_prompt: true },
};

Deno.test("render() gives for snippets of templates what the reference gives, and raises where it does", () => {
  expect(SNIPPETS.length).toBeGreaterThan(300);
  for (const { template, prompt } of SNIPPETS) {
    const render = () => new BoundedTemplate(template).render(VARIABLES, 100);
    if (prompt === null) expect(render).toThrow(ConfigError);
    else expect({ template, prompt: render() }).toEqual({ template, prompt });
  }
});

const nested = "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}";
const DEAR: readonly string[] = [
  ...["{{ n.l | tojson }}", "{{ n.l }}", "{{ n.l | string }}", "{{ n.l in [n.l] }}", "{{ [n.l] | unique }}"]
    .map((use) => nested + use),
  ...["{{ 'x' * 10 ** 12 }}", "{{ [1] * 10 ** 9 }}", "{% set n = namespace() %}{% set n.n = n %}{{ n }}"],
  "{% set s = 'x' * 60000 %}{% for i in range(99999) %}{% set x = s | list %}{% endfor %}",
  "{% set s = 'x' * 60000 %}{% for i in range(99999) %}{% set x = s.strip('x') %}{% endfor %}",
  "{% set l = range(99999) | list %}{% for i in range(99999) %}{% set x = l | map('string') %}{% endfor %}",
  "{% set l = ['ab' * 80000] * 900 %}{% set x = l | select('upper') | list %}",
  "{% set l = [range(90000) | list] * 900 %}{% set x = l | map('sum') | list %}",
  "{% set l = [{}] * 9000 %}{% set x = l | map(attribute='.a' * 9000) | list %}",
  "{% set l = ['x' * 60000] * 900 %}{% set x = l | sort %}",
  "{% set l = ['x' * 60000] * 900 %}{% set x = l | max %}",
  "{% set l = ['x' * 60000] * 900 %}{% set x = ('x' * 60000) in l ~ ['y'] or ('y' * 60000) in l %}",
  nested.replace("60", "500").replace("[n.l, n.l]", "[n.l, 1]") + "{{ n.l | tojson(indent=64) }}",
  `{% for i in range(9999) %}{% macro m() %}${"{{ 1 }}".repeat(2000)}{% endmacro %}{% endfor %}`,
  "{% set l = ['x' * 60000] * 9000 %}{{ l | join }}",
  "{{ strftime_now('%c' * 500000) }}",
];
for (const source of DEAR) {
  Deno.test(`render() gives up what grows or takes long: ${source.slice(-50)}`, () => {
    expect(() => new BoundedTemplate(source).render({}, 0)).toThrow(
      /too much text|steps|nests too deep|more than/,
    );
  });
}

Deno.test("render() gives the words that a template raises in short, with what users wrote in them", () => {
  const template = new BoundedTemplate("{{ raise_exception('No ' ~ role ~ 'x' * 1000000) }}");
  const render = () => template.render({ role: "\ue000" }, 1, (own) => own.replace("\ue000", "r"));
  expect(render).toThrow("No rxxx");
  try {
    render();
  } catch (error) {
    expect((error as ConfigError).message.length).toBeLessThan(1100);
  }
});

Deno.test("int and float look at a long text of digits once", () => {
  const source = "{{ ('1' * 100000 ~ 'x') | int }} {{ ('1' * 100000 ~ 'x') | float }}";
  expect(new BoundedTemplate(source).render({}, 0)).toBe("0 0.0");
});

Deno.test("strftime() writes a time as C does", () => {
  const time = new Date(2024, 1, 5, 0, 7, 9, 12);
  const parts = "%a|%A|%b|%B|%d|%-d|%e|%H|%I|%-I|%j|%m|%M|%p|%S|%y|%Y|%%|%F|%T|%q";
  expect(strftime(parts, time)).toBe(
    "Mon|Monday|Feb|February|05|5| 5|00|12|12|036|02|07|AM|09|24|2024|%|2024-02-05|00:07:09|%q",
  );
});
