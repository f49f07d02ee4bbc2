/** The model's card as a reader sees it. Long ones begin folded. */
import { useState } from "preact/hooks";
import { useModule } from "../lib/hooks.ts";
import { Loading } from "../ui/parts.tsx";

/** From this length on only the beginning shows at first. */
const LONG = 700;
/** The section that the card stands in has a heading of level 2. */
const HIGHEST_HEADING = 3;

export function Overview({ text }: { text: string | null }) {
  const markdown = useModule(() => import("../lib/markdown.ts"));
  const isLong = (text ?? "").length > LONG;
  const [open, setOpen] = useState(!isLong);
  if (text === null || text.trim() === "") {
    return (
      <p class="note">
        Nobody has described this model. A README.md beside its weights would show here.
      </p>
    );
  }
  if (markdown === undefined) return <Loading what="the description" />;
  const html = { __html: belowSection(markdown.toSafeHtml(text)) };
  return (
    <>
      <div class={`overview ${open ? "" : "folded"}`} onFocusIn={() => setOpen(true)}>
        <div class="prose" dangerouslySetInnerHTML={html} />
      </div>
      {isLong && (
        <button
          type="button"
          class="quiet small"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? "Fold" : "Read on"}
        </button>
      )}
    </>
  );
}

/** Headings take their place below the section's own; one that only repeats that goes. What comes in is sanitized. */
function belowSection(html: string): string {
  const own = html.replace(/^\s*<h[1-6]>\s*Overview\s*<\/h[1-6]>/i, "");
  const levels = [...own.matchAll(/<h([1-6])>/g)].map(([, level]) => Number(level));
  const shift = levels.length === 0 ? 0 : HIGHEST_HEADING - Math.min(...levels);
  return own.replace(
    /<(\/?)h([1-6])>/g,
    (_, slash, level) => `<${slash}h${Math.min(6, Number(level) + shift)}>`,
  );
}
