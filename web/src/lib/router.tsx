/** Where the reader is. Links are ordinary links; what stays within the console does not load the page anew. */
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

/** Path and query, such as `/models/owner/name`. */
export const location = signal(here());

function here(): { readonly path: string; readonly search: URLSearchParams } {
  return { path: globalThis.location.pathname, search: new URLSearchParams(globalThis.location.search) };
}

globalThis.addEventListener("popstate", () => location.value = here());

export function go(href: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  location.value = here();
  if (!options.replace) scrollTo(0, 0);
}

export function Link(
  { href, children, ...rest }: { href: string; children: ComponentChildren } & JSX.AnchorHTMLAttributes,
) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...rest}>{children}</a>;
}

export const modelHref = (name: string) => `/models/${name.split("/").map(encodeURIComponent).join("/")}`;
