/**
 * A grammar thread: compiles constraints to grammars over one tokenizer's tokens, and steps matchers through them. Keeps
 * the grammars used last. A failure of the library leaves it unusable, which the other side answers by ending the thread.
 */
import type { CompiledGrammar, Grammar, GrammarCompiler, GrammarMatcher } from "@mlc-ai/web-xgrammar";
import { toAlphabet } from "./alphabet.ts";
import { separateAlternatives } from "./alternatives.ts";
import { ByteRules } from "./byte_rules.ts";
import type { Constraint } from "./constraint.ts";
import { literal } from "./grammar_characters.ts";
import { readable, withoutEndless } from "./grammar_rules.ts";
import { explain, loadLibrary } from "./library.ts";
import { lengthsMayBeFree } from "./free_lengths.ts";
import { type Lengths, takeOwnRules } from "./own_rules.ts";
import { escapeNames } from "./property_names.ts";
import type { GrammarAnswer, GrammarCall, Mask } from "./protocol.ts";
import { LengthTokens, StringLengths } from "./string_lengths.ts";
import { regexRules } from "./text_grammar.ts";

/** A compiled grammar takes up to some MB. Those in use by a matcher live on when they are let go. */
const KEPT_GRAMMARS = 32;
/** A token for each, by its value. */
const BYTES = Array.from({ length: 256 }, (_, byte) => toAlphabet([byte]));
/** White space between two JSON tokens. Without a bound a model can go on with it for ever. */
const MAX_WHITE_SPACE = 16;
/**
 * What a matcher may take: some time at first, and for each of its tokens. A grammar in which a text has very many readings
 * takes more with every token, and all outputs of a model wait for the thread.
 */
const BUDGET_MS_PER_TOKEN = 50;

/** Of ours, not the library's: the thread can go on. */
class Refusal extends Error {}

interface Compiled extends Disposable {
  readonly grammar: CompiledGrammar;
  /** The grammar of bytes that counts characters; null where none has to be counted. */
  readonly counting: CompiledGrammar | null;
}

interface Stepper extends Disposable {
  readonly matcher: GrammarMatcher;
  readonly lengths: StringLengths | null;
  readonly isJson: boolean;
  /** Of the text so far. */
  lastByte: number | undefined;
  tokenCount: number;
  spentMs: number;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent<GrammarCall & { readonly id: number }>) => void) | null;
  postMessage(message: GrammarAnswer, transfer?: Transferable[]): void;
}

const scope = self as unknown as WorkerScope;
const library = loadLibrary();
const grammars = new Map<string, Compiled>();
const matchers = new Map<number, Stepper>();
let compiler: GrammarCompiler;
/** Of grammars of bytes. */
let byteCompiler: GrammarCompiler;
let lengthTokens: () => LengthTokens;
let hasStopTokens = false;
let rules: ByteRules;
let budgetMs = 0;
/** One call at a time: some of the library's functions are asynchronous. */
let turn = Promise.resolve();

scope.onmessage = ({ data }) => {
  turn = turn.then(async () => {
    try {
      const mask = await carryOut(data);
      scope.postMessage({ id: data.id, ok: true, mask }, mask === null ? [] : [mask.buffer]);
    } catch (error) {
      const intact = error instanceof Refusal;
      scope.postMessage({ id: data.id, ok: false, reason: intact ? error.message : explain(error), intact });
    }
  });
};

async function carryOut(call: GrammarCall): Promise<Mask> {
  switch (call.type) {
    case "init": {
      const { tokens, vocabSize, stopTokenIds } = call.table;
      hasStopTokens = stopTokenIds.length > 0;
      rules = new ByteRules(call.table);
      budgetMs = call.budgetMs;
      const table = [...tokens.slice(0, vocabSize)];
      const info = await library.TokenizerInfo.createTokenizerInfo(
        table,
        "byte_level",
        false,
        vocabSize,
        hasStopTokens ? [...stopTokenIds] : undefined,
      );
      // Not the library's own cache, which has no bound.
      compiler = await library.GrammarCompiler.createGrammarCompiler(info, false);
      const bytes = await library.TokenizerInfo.createTokenizerInfo(BYTES, "byte_level", false, BYTES.length);
      byteCompiler = await library.GrammarCompiler.createGrammarCompiler(bytes, false);
      let known: LengthTokens | undefined;
      const { table: tokenTable } = call;
      lengthTokens = () => known ??= new LengthTokens(tokenTable);
      return null;
    }
    case "try": {
      const stepper = await open(call.constraint);
      try {
        return await nextMask(stepper);
      } finally {
        stepper[Symbol.dispose]();
      }
    }
    case "open": {
      const stepper = await open(call.constraint);
      try {
        for (const id of call.tokenIds) accept(stepper, id);
        const mask = await nextMask(stepper);
        matchers.set(call.matcher, stepper);
        return mask;
      } catch (error) {
        stepper[Symbol.dispose]();
        throw error;
      }
    }
    case "accept": {
      const stepper = matchers.get(call.matcher);
      if (stepper === undefined) throw new Refusal("There is no such matcher");
      return await timed(stepper, () => {
        accept(stepper, call.tokenId);
        return nextMask(stepper);
      });
    }
    case "close":
      matchers.get(call.matcher)?.[Symbol.dispose]();
      matchers.delete(call.matcher);
      return null;
  }
}

/** Refuses the token with which the matcher has taken too long. */
async function timed(stepper: Stepper, step: () => Promise<Mask>): Promise<Mask> {
  const startMs = performance.now();
  const mask = await step();
  stepper.spentMs += performance.now() - startMs;
  if (stepper.spentMs > budgetMs + BUDGET_MS_PER_TOKEN * stepper.tokenCount) {
    const perToken = Math.round(stepper.spentMs / stepper.tokenCount);
    throw new Refusal(`It takes ${perToken} ms a token, more than ${BUDGET_MS_PER_TOKEN} ms`);
  }
  return mask;
}

function accept(stepper: Stepper, id: number): void {
  const fits = stepper.matcher.acceptToken(id) && (stepper.lengths?.accept(id) ?? true);
  if (!fits) throw new Refusal(`Token ${id} does not fit the constraint`);
  stepper.lastByte = rules.lastByte(id);
  stepper.tokenCount++;
}

async function nextMask({ matcher, lengths, isJson, lastByte }: Stepper): Promise<Mask> {
  if (matcher.isTerminated()) return null;
  const mask = Uint32Array.from(await matcher.getNextTokenBitmask());
  rules.apply(mask, lastByte, isJson);
  lengths?.apply(mask);
  if (mask.every((word) => word === 0)) throw new Refusal("Nothing can come next");
  return mask;
}

async function open(constraint: Constraint): Promise<Stepper> {
  const key = JSON.stringify(constraint);
  const compiled = grammars.get(key) ?? await compile(constraint);
  grammars.delete(key);
  grammars.set(key, compiled);
  const [oldest] = grammars.keys();
  if (grammars.size > KEPT_GRAMMARS && oldest !== undefined) {
    grammars.get(oldest)?.[Symbol.dispose]();
    grammars.delete(oldest);
  }
  const { GrammarMatcher } = library;
  const matcher = await GrammarMatcher.createGrammarMatcher(compiled.grammar, undefined, !hasStopTokens);
  const counter = compiled.counting &&
    await GrammarMatcher.createGrammarMatcher(compiled.counting, undefined, true);
  return {
    ...{ matcher, lengths: counter && new StringLengths(counter, lengthTokens()) },
    ...{ isJson: "jsonSchema" in constraint, lastByte: undefined, tokenCount: 0, spentMs: 0 },
    [Symbol.dispose]() {
      matcher.dispose();
      counter?.dispose();
    },
  };
}

async function compile(constraint: Constraint): Promise<Compiled> {
  const isCounted = "jsonSchema" in constraint && lengthsMayBeFree(JSON.parse(constraint.jsonSchema));
  const text = withoutEndless(await grammarOf(constraint, isCounted ? "free" : "library"));
  const grammar = await compiler.compileGrammar(separateAlternatives(text) ?? text);
  const counting = isCounted
    ? await byteCompiler.compileGrammar(withoutEndless(await grammarOf(constraint, "counted")))
    : null;
  return {
    ...{ grammar, counting },
    [Symbol.dispose]() {
      grammar.dispose();
      counting?.dispose();
    },
  };
}

/** As the library prints it, in a form that it reads as the same. */
async function grammarOf(constraint: Constraint, lengths: Lengths): Promise<string> {
  const { Grammar } = library;
  if ("jsonSchema" in constraint) {
    const { schema, restore } = takeOwnRules(constraint.jsonSchema, lengths);
    const printed = await printedBy(
      Grammar.fromJSONSchema(escapeNames(schema), true, undefined, undefined, true, MAX_WHITE_SPACE),
    );
    return restore === null ? printed : await printedBy(Grammar.fromEBNF(restore(printed)));
  }
  if ("regex" in constraint) return await printedBy(Grammar.fromEBNF(regexRules(constraint.regex)));
  return await printedBy(Grammar.fromEBNF(`root ::= ${constraint.choice.map(literal).join(" | ")}`));
}

async function printedBy(grammar: Promise<Grammar>): Promise<string> {
  using disposable = await grammar.then((ready) => ({
    text: ready.toString(),
    [Symbol.dispose]: () => ready.dispose(),
  }));
  return readable(disposable.text);
}
