import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { BoundedTemplate } from "../../src/tokenizer/bounded_template.ts";

const render = (source: string, variables: Readonly<Record<string, unknown>> = {}) =>
  new BoundedTemplate(source).render(variables, 0);

Deno.test("render() runs what chat templates use", () => {
  const source = `{%- for m in messages -%}
    {%- if m.role == 'user' -%}[{{ m.content | trim }}]{%- else -%}({{ m['content'] }}){%- endif -%}
  {%- endfor -%}{{ range(3) | join(',') }}{{ range(5, 1, -2) | join(',') }}{{ none is none }}`;
  const messages = [{ role: "user", content: " a " }, { role: "assistant", content: "b" }];
  expect(render(source, { messages })).toBe("[a](b)0,1,25,3True");
  expect(render("{{ strftime_now('%Y') }}")).toMatch(/^\d{4}$/);
});

Deno.test("render() passes on what the template says", () => {
  expect(() => render("{{ raise_exception('Roles must alternate') }}")).toThrow(ConfigError);
  expect(() => render("{{ raise_exception('Roles must alternate') }}")).toThrow("Roles must alternate");
});

const hostile: readonly (readonly [string, string])[] = [
  ["does not parse", "{% if %}"],
  ["is not closed", "{% for x in y %}"],
  ["calls what is not there", "{{ nothing() }}"],
  ["loops for ever", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"],
  ["asks for a huge range", "{{ range(10 ** 12) }}"],
  ["asks for an endless range", "{{ range(0, 1, 0) }}"],
  [
    "doubles a string",
    "{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
  ],
  [
    "doubles a list",
    "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
  ],
  ["recurses without end", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
  ["nests too deep", "{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}"],
  ["is too long", "a".repeat(300 * 1024)],
  ["has more white space than it takes", "a" + " ".repeat(1001)],
];
for (const [what, source] of hostile) {
  Deno.test(`render() refuses a template that ${what}`, () => {
    expect(() => render(source)).toThrow(ConfigError);
    expect(() => render(source)).toThrow(/chat template: ./);
  });
}

Deno.test("render() lets a template go through every character of a long text", () => {
  const source = "{% for m in messages %}{% for part in m.content %}{% if part['type'] == 'image' %}" +
    "{% set image = true %}{% endif %}{% endfor %}{{ m.content }}{% endfor %}";
  const content = "Is it? ".repeat(20_000);
  const template = new BoundedTemplate(source);
  expect(template.render({ messages: [{ role: "user", content }] }, content.length)).toBe(content);
});

Deno.test("render() refuses members of what is undefined, and gives undefined members", () => {
  const render = (source: string) => new BoundedTemplate(source).render({ list: [], map: { a: null } }, 0);
  for (const source of ["list[0]['role']", "list[0].role", "nothing.at", "map.b.c", "nothing.a is defined"]) {
    expect(() => render(`{{ ${source} }}`)).toThrow("it looks for a member of something undefined");
  }
  expect(render("{{ list[0] is defined }} {{ map.b is defined }} {{ map.a.b is defined }}")).toBe(
    "False False False",
  );
});
