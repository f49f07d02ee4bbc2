/** What is around every page. */
import { useRef, useState } from "preact/hooks";
import { apiKey, useKey } from "../lib/api.ts";
import { Link, location } from "../lib/router.tsx";
import { KeyForm } from "./key.tsx";

const NAVIGATION = [["/", "Models"], ["/play", "Playground"], ["/admin", "Admin"]] as const;

export function Header() {
  const { path } = location.value;
  const [asking, setAsking] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setAsking(false);
    opener.current?.focus();
  };
  const current = path.startsWith("/models")
    ? "/"
    : NAVIGATION.findLast(([href]) => path.startsWith(href))?.[0];
  return (
    <header class="top">
      <Link href="/" class="brand" aria-label="Geodesic, home">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="16" r="13.5" />
          <ellipse cx="16" cy="16" rx="6" ry="13.5" />
          <path d="M2.5 16h27" />
          <path class="arc" d="M6 22C10 8 22 5 27 11" />
        </svg>
        <span>Geodesic</span>
      </Link>
      <nav aria-label="Main">
        {NAVIGATION.map(([href, label]) => (
          <Link key={href} href={href} aria-current={current === href ? "page" : undefined}>{label}</Link>
        ))}
        <a href="/graphql">Explorer</a>
      </nav>
      <div class="top-end">
        {apiKey.value === null
          ? (
            <button
              key="key"
              ref={opener}
              type="button"
              class="quiet"
              aria-expanded={asking}
              onClick={() => focusKeyField() || setAsking(!asking)}
            >
              Use a key
            </button>
          )
          : (
            <button key="key" ref={opener} type="button" class="quiet" onClick={() => useKey(null)}>
              Forget key
            </button>
          )}
        <ThemeButton />
      </div>
      {asking && apiKey.value === null && (
        <div
          class="key-drawer"
          onKeyDown={(event) => event.key === "Escape" && close()}
        >
          <KeyForm onDone={close} />
        </div>
      )}
    </header>
  );
}

/** A page that asks for the key itself needs no second form. */
function focusKeyField(): boolean {
  const field = document.querySelector<HTMLInputElement>("main .key-form input");
  field?.focus();
  return field !== null;
}

/** Light or dark, kept in this browser. What the system says holds until it is pressed. */
function ThemeButton() {
  const root = document.documentElement;
  const [isDark, setDark] = useState(() =>
    (root.dataset["theme"] ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) ===
      "dark"
  );
  const toggle = () => {
    const theme = isDark ? "light" : "dark";
    root.dataset["theme"] = theme;
    try {
      localStorage.setItem("geodesic.theme", theme);
    } catch {
      // No storage: it holds for this page.
    }
    setDark(!isDark);
  };
  return (
    <button
      type="button"
      class="quiet theme"
      onClick={toggle}
      aria-label={isDark ? "Light colours" : "Dark colours"}
    >
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle cx="10" cy="10" r="7.5" />
        <path class="half" d="M10 2.5a7.5 7.5 0 0 1 0 15z" />
      </svg>
    </button>
  );
}

export function Footer() {
  return (
    <footer class="bottom">
      <span>Every answer leads to its weights, and every weight to its parents.</span>
      <a href="/graphql">The whole API, to explore</a>
    </footer>
  );
}
