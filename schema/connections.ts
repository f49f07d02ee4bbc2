/** Pages of the use cases as Relay connections, forward only: one way to page, and every page has a bounded size. */
import type { Page, PageArgs } from "../src/app/types.ts";
import { builder } from "./builder.ts";

/** What the use cases hold pages to; here for descriptions and costs. */
const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

interface ForwardArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** The arguments of every list. */
export const FORWARD_ARGS = builder.args((t) => ({
  first: t.int({ description: `Page size, 1 to ${MAX_PAGE_SIZE}; ${DEFAULT_PAGE_SIZE} unless given.` }),
  after: t.string({ description: "Cursor of the edge to continue behind." }),
}));

/** Drops what was not given. The use cases refuse a wrong size or cursor. */
export function toPageArgs({ first, after }: ForwardArgs): PageArgs {
  return { ...(first != null ? { first } : {}), ...(after != null ? { after } : {}) };
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
