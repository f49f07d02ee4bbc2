/** Markdown to HTML that can do nothing: what is not text, a list, a table, code or a link is taken out. */
import DOMPurify from "dompurify";
import { marked } from "marked";

const TAGS = "p br hr h1 h2 h3 h4 h5 h6 ul ol li strong em b i del s code pre blockquote a " +
  "table thead tbody tr th td sup sub";

const purifier = DOMPurify(globalThis as never);
purifier.addHook("afterSanitizeAttributes", (node) => {
  // What scrolls can be reached by keyboard.
  if (node.tagName === "PRE") node.setAttribute("tabindex", "0");
  if (node.tagName === "A") node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** Typed as safe, which is what the page's policy lets become HTML. */
export function toSafeHtml(markdown: string): string {
  const html = marked.parse(withoutFrontMatter(markdown), { async: false, gfm: true });
  // Where the browser has no such types, it is the text itself.
  return purifier.sanitize(html, {
    RETURN_TRUSTED_TYPE: true,
    ALLOWED_TAGS: TAGS.split(" "),
    ALLOWED_ATTR: ["href", "align", "start"],
    ALLOWED_URI_REGEXP: /^(https?:|mailto:|#|\/(?!\/))/i,
  }) as unknown as string;
}

/** The YAML block of a model card is not for readers. */
function withoutFrontMatter(markdown: string): string {
  return markdown.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, "");
}
