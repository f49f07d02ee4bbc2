/**
 * From sampled ids to the text a client sees: UTF-8-safe pieces, and nothing of a stop string. A token comes out when
 * all of its text is known not to begin a stop string, so an event's text is always the texts of its tokens put
 * together, and all events' texts are the answer.
 */
import { ConfigError } from "../../errors.ts";
import type { WireToken } from "../../engine/protocol.ts";
import type { StopMatcher } from "../../tokenizer/stop_strings.ts";
import type { StreamDecoder } from "../../tokenizer/stream_decoder.ts";
import type { EventToken } from "../types.ts";

export interface OutputTextOptions {
  readonly decoder: Pick<StreamDecoder, "push" | "flush">;
  /** Null without stop strings. */
  readonly stops: StopMatcher | null;
  /** Text of the first `minTokens` tokens cannot be part of a stop string. */
  readonly minTokens: number;
  /** An id's own text, for alternatives that were not sampled. */
  readonly textOf: (id: number) => string;
}

interface HeldToken {
  readonly token: WireToken;
  text: string;
}

export class OutputText {
  readonly #options: OutputTextOptions;
  readonly #held: HeldToken[] = [];
  /** Characters of held tokens that may go out. */
  #released = 0;
  #count = 0;
  #text = "";
  #stopped = false;

  constructor(options: OutputTextOptions) {
    this.#options = options;
  }

  /** All text given out so far. */
  get text(): string {
    return this.#text;
  }
  /** Tokens taken in, those of a stop string and the end of sequence included. */
  get tokenCount(): number {
    return this.#count;
  }
  /** A stop string is complete; later tokens are not part of the answer and must not be pushed. */
  get stopped(): boolean {
    return this.#stopped;
  }
  /** Or it is, if no token follows. */
  get endsStopped(): boolean {
    return this.#stopped || this.#options.stops?.holdsStop === true;
  }

  /** Takes a token and returns those that may go out now, in order. */
  push(token: WireToken): readonly EventToken[] {
    const { stops, minTokens } = this.#options;
    const piece = this.#decode(token.id);
    this.#held.push({ token, text: piece });
    this.#count++;
    if (stops === null || this.#count <= minTokens) {
      this.#released += piece.length;
      return this.#takeReleased();
    }
    const { text, stop } = stops.push(piece);
    this.#released += text.length;
    this.#stopped = stop !== null;
    return this.#stopped ? this.#takeAll() : this.#takeReleased();
  }

  /**
   * The generation has ended by itself: whatever was held back goes out, up to a stop string in it. `text` is what bytes of
   * a character that never became complete stand for; it belongs to no token that is still here.
   */
  finish(): { readonly tokens: readonly EventToken[]; readonly text: string } {
    if (this.#stopped) return { tokens: [], text: "" };
    const { stops, decoder, minTokens } = this.#options;
    const rest = decoder.flush();
    this.#released = stops === null || this.#count <= minTokens
      ? Infinity
      : this.#released + stops.push(rest).text.length + stops.flush().length;
    this.#stopped = typeof stops?.found === "string";
    const tokens = this.#takeAll();
    const text = rest.slice(0, this.#released);
    this.#text += text;
    return { tokens, text };
  }

  #takeReleased(): readonly EventToken[] {
    let ready = 0;
    for (const { text } of this.#held) {
      if (text.length > this.#released) break;
      this.#released -= text.length;
      ready++;
    }
    return this.#held.splice(0, ready).map((held) => this.#toEventToken(held));
  }

  /** Every held token, cut where the released text ends. */
  #takeAll(): readonly EventToken[] {
    return this.#held.splice(0).map((held) => {
      const text = held.text.slice(0, this.#released);
      this.#released -= text.length;
      return this.#toEventToken({ ...held, text });
    });
  }

  /** A model's output layer may be wider than its vocabulary: such ids are tokens without text. */
  #decode(id: number): string {
    try {
      return this.#options.decoder.push(id);
    } catch (error) {
      if (error instanceof ConfigError) return "";
      throw error;
    }
  }

  #toEventToken({ token, text }: HeldToken): EventToken {
    this.#text += text;
    return {
      id: token.id,
      text,
      logprob: token.logprob ?? null,
      top: (token.top ?? []).map((top) => ({ ...top, text: this.#options.textOf(top.id) })),
    };
  }
}
