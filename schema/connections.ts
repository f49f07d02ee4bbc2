/** Pages of the use cases as Relay connections, forward only: one way to page, and every page has a bounded size. */
import { ConfigError } from "../src/errors.ts";
import type { Page, PageArgs } from "../src/app/types.ts";
import { builder } from "./builder.ts";

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
/** Cursors are made by the store and are short; a longer one is not ours. */
const MAX_CURSOR_LENGTH = 512;

interface ForwardArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** The arguments of every list. */
export const FORWARD_ARGS = builder.args((t) => ({
  first: t.int({ description: `Page size, 1 to ${MAX_PAGE_SIZE}; ${DEFAULT_PAGE_SIZE} unless given.` }),
  after: t.string({ description: "Cursor of the edge to continue behind." }),
}));

/** Throws ConfigError on a page size or cursor outside the limits. */
export function toPageArgs({ first, after }: ForwardArgs): PageArgs {
  const size = first ?? DEFAULT_PAGE_SIZE;
  if (size < 1 || size > MAX_PAGE_SIZE) {
    throw new ConfigError(`Cannot use first: ${size}: expected 1 to ${MAX_PAGE_SIZE}`, { field: "first" });
  }
  if (after != null && after.length > MAX_CURSOR_LENGTH) {
    throw new ConfigError(`Cannot use after: expected a cursor of an earlier page`, { field: "after" });
  }
  return { first: size, ...(after != null ? { after } : {}) };
}

/** The page's content times its size, for the complexity limit. */
export function pageComplexity({ first }: ForwardArgs) {
  return { field: 1, multiplier: Math.min(Math.max(first ?? DEFAULT_PAGE_SIZE, 1), MAX_PAGE_SIZE) };
}

export function toConnection<T>(page: Page<T>, args: ForwardArgs) {
  return {
    edges: [...page.edges],
    totalCount: page.totalCount,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: args.after != null && args.after !== "",
      startCursor: page.edges[0]?.cursor ?? null,
      endCursor: page.edges.at(-1)?.cursor ?? null,
    },
  };
}

builder.globalConnectionField(
  "totalCount",
  (t) => t.exposeInt("totalCount", { description: "Length of the whole list, over all pages." }),
);
