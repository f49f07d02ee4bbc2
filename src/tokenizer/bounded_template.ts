/**
 * Jinja for templates that come with a checkpoint, that is, from strangers: parsed and run by @huggingface/jinja, with
 * bounds on source size, steps and the amount of text and lists made, so that no template can occupy the process or
 * its memory for long. All failures, `raise_exception` included, are ConfigErrors with the template's own message.
 */
import { Environment, Template } from "@huggingface/jinja";
import { ConfigError } from "../errors.ts";
import { TemplateInterpreter } from "./template_interpreter.ts";
import { strftime } from "./template_time.ts";

/** The longest templates in the wild (tool calling in several languages) have some 20,000 characters. */
const MAX_SOURCE_LENGTH = 256 * 1024;
/** The library looks for `{% generation %}` from every place of white space to its end. */
const MAX_WHITE_SPACE = 1000;
/** A step is one syntax node evaluated or one turn of a loop; a chat of 1,000 messages takes about 30,000. Templates of models
 * that see go through the characters of a text as if they were parts of a message, with some 16 for each. */
const MAX_STEPS = 1_000_000;
const STEPS_PER_INPUT = 20;
/** Characters and list items that may be produced, beyond a multiple of what is put in. */
const MAX_PRODUCED = 16 * 1024 * 1024;
const PRODUCED_PER_INPUT = 256;
const MAX_RANGE = 100_000;
/** Of what a template says where it raises. */
const MAX_REASON = 1000;

export class BoundedTemplate {
  readonly source: string;
  readonly #program: Template["parsed"];

  constructor(source: string) {
    refuseMore(source.length, MAX_SOURCE_LENGTH, "characters");
    const spaces = (source.match(/\s+/g) ?? []).reduce((longest, { length }) => Math.max(longest, length), 0);
    refuseMore(spaces, MAX_WHITE_SPACE, "characters of white space in a row");
    this.source = source;
    this.#program = explained(
      "Cannot parse the chat template",
      (own) => own,
      () => new Template(source.replace(/\r\n?/g, "\n")),
    ).parsed;
  }

  /**
   * `inputLength` is the length of the texts in `variables`. In these, characters may stand for others, one for one: `plain`
   * gives the text that the template is to find there, while what it writes keeps what stands there.
   */
  render(
    variables: Readonly<Record<string, unknown>>,
    inputLength: number,
    plain = (own: string) => own,
  ): string {
    return explained("Cannot render the chat template", plain, () => {
      const environment = new Environment();
      for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
      const bounds = {
        steps: MAX_STEPS + STEPS_PER_INPUT * inputLength,
        produced: MAX_PRODUCED + PRODUCED_PER_INPUT * inputLength,
      };
      const result: unknown = new BoundedInterpreter(environment, plain, bounds).run(this.#program).value;
      if (typeof result !== "string") throw new Error(`it gave ${typeof result}, expected text`);
      return result;
    });
  }
}

function refuseMore(length: number, max: number, what: string): void {
  if (length <= max) return;
  throw new ConfigError(
    `Cannot use the chat template: it has ${length} ${what}, at most ${max} are allowed`,
    { length, max },
  );
}

/** What templates may call, as in the reference implementation. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: (...args: readonly unknown[]) => {
    const [start, stop, step = 1] = args.length < 2 ? [0, args[0]] : args;
    const [from, to, by] = [Number(start), Number(stop), Number(step)];
    const count = Math.max(0, Math.ceil((to - from) / by));
    if (!(count <= MAX_RANGE)) throw new Error(`range() may give at most ${MAX_RANGE} numbers`);
    return Array.from({ length: count }, (_, index) => from + index * by);
  },
  strftime_now: (format: unknown) => strftime(String(format), new Date()),
};

interface Bounds {
  readonly steps: number;
  readonly produced: number;
}

class BoundedInterpreter extends TemplateInterpreter {
  readonly #bounds: Bounds;
  #steps = 0;
  #produced = 0;

  constructor(environment: Environment, plain: (own: string) => string, bounds: Bounds) {
    super(environment, plain);
    this.#bounds = bounds;
  }

  protected override count(steps: number): void {
    this.#steps += steps;
    const { steps: most } = this.#bounds;
    if (this.#steps > most) throw new Error(`it takes more than ${most} steps`);
  }

  protected override spend(amount: number): void {
    this.#produced += amount;
    if (this.#produced > this.#bounds.produced) throw new Error("it produces too much text");
  }
}

/** Runs `action`; whatever it throws is the template's fault and becomes a ConfigError. */
function explained<T>(what: string, plain: (own: string) => string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    // A RangeError is a stack or a string that outgrew the runtime's limits.
    const own = cause instanceof RangeError ? "it nests too deep or grows too large" : messageOf(cause);
    const reason = plain(own.slice(0, MAX_REASON));
    // Not with the error itself, which may have the template's words in full.
    throw new ConfigError(`${what}: ${reason}`, { reason }, own.length > MAX_REASON ? {} : { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
