/** What a grammar thread is asked and answers. Every call is answered in its turn, by `id`. */
import type { Constraint } from "./constraint.ts";
import type { TokenTable } from "./token_table.ts";

export type GrammarCall =
  /** `budgetMs`: what a matcher may take at first, beside what it may for each of its tokens. */
  | { readonly type: "init"; readonly table: TokenTable; readonly budgetMs: number }
  /** Compiles, and takes one mask to see that it can be done. */
  | { readonly type: "try"; readonly constraint: Constraint }
  /** A matcher after these tokens. */
  | {
    readonly type: "open";
    readonly matcher: number;
    readonly constraint: Constraint;
    readonly tokenIds: readonly number[];
  }
  | { readonly type: "accept"; readonly matcher: number; readonly tokenId: number }
  | { readonly type: "close"; readonly matcher: number };

/** Which tokens may come next; null once the output has ended. */
export type Mask = Uint32Array<ArrayBuffer> | null;

export type GrammarAnswer =
  | { readonly id: number; readonly ok: true; readonly mask: Mask }
  /** `intact`: the library has not failed, and the thread can go on with other calls. */
  | { readonly id: number; readonly ok: false; readonly reason: string; readonly intact: boolean };
