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
  const html = { __html: markdown.toSafeHtml(text) };
  return (
    <>
      <div class={`overview ${open ? "" : "folded"}`} onFocusIn={() => setOpen(true)}>
        <div class="prose" ref={belowSection} dangerouslySetInnerHTML={html} />
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

/** Headings take their place below the section's own; one that only repeats that goes. */
function belowSection(prose: HTMLElement | null): void {
  const headings = [...prose?.querySelectorAll<HTMLElement>("h1, h2, h3, h4, h5, h6") ?? []];
  const levelOf = ({ tagName }: HTMLElement) => Number(tagName[1]);
  const highest = Math.min(...headings.map(levelOf));
  for (const heading of headings) {
    heading.setAttribute("aria-level", String(Math.min(6, HIGHEST_HEADING + levelOf(heading) - highest)));
    const isRepeated = heading === prose?.firstElementChild && /^overview$/i.test(heading.innerText.trim());
    heading.hidden = isRepeated;
  }
}
