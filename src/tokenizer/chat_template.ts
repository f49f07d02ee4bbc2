/**
 * Conversations to prompts by the checkpoint's own template. Message contents are untrusted: see untrusted_text.ts.
 */
import { ConfigError } from "../errors.ts";
import { BoundedTemplate } from "./bounded_template.ts";
import type { TokenizerConfig } from "./tokenizer_config.ts";
import type { MarkedText, UntrustedText } from "./untrusted_text.ts";

export interface TemplateMessage {
  /** Usually `system`, `user` or `assistant`; the template decides what it takes. */
  readonly role: string;
  readonly content: string;
}

/** Names that templates compare with; any other role is untrusted text, too. */
const KNOWN_ROLES: ReadonlySet<string> = new Set(["system", "developer", "user", "assistant", "tool"]);

export class ChatTemplate {
  readonly #template: BoundedTemplate;
  /** By the names that templates call them. */
  readonly #tokens: Readonly<Record<string, string>>;

  private constructor(template: BoundedTemplate, tokens: Readonly<Record<string, string>>) {
    this.#template = template;
    this.#tokens = tokens;
  }

  /** Throws ConfigError where the checkpoint has no template for plain conversations, or a broken one. */
  static of(config: TokenizerConfig): ChatTemplate {
    const source = config.chatTemplates.get("default");
    if (source === undefined) {
      const names = [...config.chatTemplates.keys()];
      throw new ConfigError(
        "Cannot render messages: the model's tokenizer has no chat template" +
          (names.length === 0 ? "" : ` named "default", only ${names.join(", ")}`),
        { templates: names },
      );
    }
    return new ChatTemplate(new BoundedTemplate(source), { ...config.namedTokens, ...config.specialTokens });
  }

  /** The prompt, ending where the answer is to begin. Throws ConfigError with the template's own words. */
  render(messages: readonly TemplateMessage[], untrusted: UntrustedText): MarkedText {
    const texts = messages.flatMap(({ role, content }) =>
      KNOWN_ROLES.has(role) ? [content] : [content, role]
    );
    const inputLength = texts.reduce((sum, text) => sum + text.length, 0);
    const trusted = [this.#template.source, ...Object.values(this.#tokens)];
    return untrusted.render(texts.map((text) => text.toWellFormed()), trusted, (guarded, plain) => {
      let next = 0;
      const guardedMessages = messages.map(({ role }) => {
        const content = guarded[next++]!;
        return { role: KNOWN_ROLES.has(role) ? role : guarded[next++]!, content };
      });
      // What the reference implementation passes: absent tools and documents are none, not undefined.
      const variables = {
        ...this.#tokens,
        messages: guardedMessages,
        tools: null,
        documents: null,
        add_generation_prompt: true,
      };
      try {
        return this.#template.render(variables, inputLength, plain);
      } catch (error) {
        throw withHint(error, messages);
      }
    });
  }
}

/** Complaints about roles seldom say that it is the system's which the template does not take. */
function withHint(error: unknown, messages: readonly TemplateMessage[]): unknown {
  const isSystem = messages.some(({ role }) => role === "system");
  if (!(error instanceof ConfigError) || !isSystem || !/\broles?\b/i.test(error.message)) return error;
  const message = `${error.message}; this model's template may take no system message`;
  return new ConfigError(message, error.details, { cause: error });
}
