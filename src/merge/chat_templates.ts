/**
 * `chat_template` of a configuration: "auto" (what most of the models use), the name of a known format, or Jinja source.
 * The known formats are written down here as their authors publish them, free of stray white space.
 */
import type { Cursor } from "./config_cursor.ts";

const CHATML = "{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const LLAMA3 = "{{ bos_token }}{% for message in messages %}" +
  "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}" +
  "{{ message['content'] | trim }}{{ '<|eot_id|>' }}" +
  "{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

const MISTRAL =
  "{% set system = messages[0]['content'] + '\\n\\n' if messages[0]['role'] == 'system' else '' %}" +
  "{% set turns = messages[1:] if system else messages %}{{ bos_token }}{% for message in turns %}" +
  "{% if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}" +
  "{{ raise_exception('Roles must alternate user, assistant, user, ... after an optional system message') }}" +
  "{% endif %}" +
  "{% if message['role'] == 'user' %}" +
  "{{ ' [INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}" +
  "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}" +
  "{% endfor %}";

const ALPACA = "{% for message in messages %}" +
  "{% if message['role'] == 'user' %}{{ '### Instruction:\\n' }}" +
  "{% elif message['role'] == 'assistant' %}{{ '### Response:\\n' }}" +
  "{% elif message['role'] == 'user_context' %}{{ '### Input:\\n' }}{% endif %}" +
  "{{ message['content'] | trim }}{{ '\\n\\n' }}" +
  "{% endfor %}" +
  "{% if add_generation_prompt and messages[-1]['role'] != 'assistant' %}{{ '### Response:\\n' }}{% endif %}";

const EXAONE = "{% for message in messages %}" +
  "{% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\\n' }}{% endif %}" +
  "{{ '[|' + message['role'] + '|]' + message['content'] }}" +
  "{% if message['role'] != 'user' %}{{ '[|endofturn|]' }}{% endif %}{{ '\\n' }}" +
  "{% endfor %}" +
  "{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}";

/** By mergekit's names for them. */
export const CHAT_TEMPLATES: ReadonlyMap<string, string> = new Map([
  ["alpaca", ALPACA],
  ["chatml", CHATML],
  ["exaone", EXAONE],
  ["llama3", LLAMA3],
  ["mistral", MISTRAL],
]);

/** As mergekit tells a template from a mistyped name. */
const SHORTEST_TEMPLATE = 20;

/** "auto", or Jinja source. */
export function parseChatTemplate(cursor: Cursor): string {
  const text = cursor.string();
  if (text === "auto") return text;
  const known = CHAT_TEMPLATES.get(text);
  if (known !== undefined) return known;
  if (text.length >= SHORTEST_TEMPLATE && text.includes("{")) return text;
  throw cursor.fail(
    `chat_template is "${text}", expected auto, ${[...CHAT_TEMPLATES.keys()].join(", ")}, or Jinja source`,
  );
}

/** The template that most models have, white space around it aside; of equals that of the first model. */
export function mostCommonTemplate(templates: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const template of templates) {
    const text = template.trim();
    if (text !== "") counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? null;
}
