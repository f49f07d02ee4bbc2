/** Small parts that every page is made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, isOffline } from "../lib/api.ts";
import { seconds, words } from "../lib/format.ts";

/** What the window and its tab are called while this page shows. */
export function useTitle(...parts: readonly (string | undefined)[]): void {
  const title = [...parts.filter(Boolean), "Geodesic"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** The last answer that there was: a table stays while its next page is on the way. */
export function useLatest<T>(value: T | undefined): T | undefined {
  const latest = useRef(value);
  if (value !== undefined) latest.current = value;
  return latest.current;
}

/** What a global id holds behind its type: the runtime and the audit log know things by it. */
export function localId(id: string): string {
  try {
    return atob(id).replace(/^[^:]*:/, "");
  } catch {
    return id;
  }
}

const ACRONYMS: ReadonlySet<string> = new Set([
  "SLERP",
  "NUSLERP",
  "MULTISLERP",
  "TIES",
  "DARE",
  "DELLA",
  "SCE",
]);

/** SLERP is "SLERP", TASK_ARITHMETIC is "Task arithmetic", DARE_TIES is "DARE TIES". */
export function methodName(method: string): string {
  const parts = method.split("_");
  return parts.some((part) => ACRONYMS.has(part))
    ? parts.map((part) => ACRONYMS.has(part) ? part : part.toLowerCase()).join(" ")
    : words(method);
}

export function Copy({ text, label, small }: { text: string; label: string; small?: boolean }) {
  const [done, setDone] = useState<"no" | "yes" | "failed">("no");
  useEffect(() => {
    if (done === "no") return;
    const timer = setTimeout(() => setDone("no"), 1800);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () =>
    void (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
      () => setDone("yes"),
      () => setDone("failed"),
    );
  return (
    <>
      <button
        type="button"
        class={small ? "plain" : "quiet"}
        onClick={copy}
        aria-label={small ? label : undefined}
      >
        {done === "yes" ? "Copied" : done === "failed" ? "Copying is blocked" : small ? "Copy" : label}
      </button>
      <span class="unseen" role="status">
        {done === "yes" ? "Copied" : done === "failed" ? "The browser does not let this page copy" : ""}
      </span>
    </>
  );
}

/** A hash: its beginning to see, all of it to copy. */
export function Hash({ value, what }: { value: string; what: string }) {
  return (
    <span class="hash">
      <code title={value}>{value.slice(0, 12)}…</code>
      <Copy text={value} label={`Copy the SHA-256 of ${what}`} small />
    </span>
  );
}

/** For what cannot be taken back: the first press asks, the second does it. */
export function ConfirmButton({ label, what, question, disabled, onConfirm }: {
  /** What the button shows; with `what` it is what it is called. */
  label: string;
  what: string;
  question: string;
  disabled?: boolean;
  onConfirm: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const [first, sure] = [useRef<HTMLButtonElement>(null), useRef<HTMLButtonElement>(null)];
  const wasAsking = useRef(false);
  useEffect(() => {
    if (asking) sure.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = asking;
  }, [asking]);
  if (!asking) {
    return (
      <button
        ref={first}
        type="button"
        class="quiet small"
        disabled={disabled}
        aria-label={`${label} ${what}`}
        onClick={() => setAsking(true)}
      >
        {label}
      </button>
    );
  }
  return (
    <span
      class="confirm"
      role="group"
      aria-label={`${label} ${what}`}
      onKeyDown={(event) => event.key === "Escape" && setAsking(false)}
    >
      <span>{question}</span>
      <button
        ref={sure}
        type="button"
        class="quiet small danger"
        onClick={() => {
          setAsking(false);
          onConfirm();
        }}
      >
        {label}
      </button>
      <button type="button" class="quiet small" onClick={() => setAsking(false)}>Keep it</button>
    </span>
  );
}

/** What to do next, where the gateway's own message does not say it. */
const NEXT: Readonly<Record<string, string>> = {
  OFFLINE: "Is it running? This page asks again every two seconds and goes on by itself.",
  UNAUTHENTICATED: "“Use a key” at the top takes another one.",
  FORBIDDEN: "It takes a key of a higher role: “Use a key”, at the top.",
  RATE_LIMITED: "Wait a moment, then try again.",
  CAPACITY: "Try again when less is running.",
  INTERNAL: "The gateway’s log has the reason.",
  UNEXPECTED: "Load the page anew; if that does not help, the gateway’s log may tell why.",
};

export function Problem({ error, retry }: { error: ApiError; retry?: () => void }) {
  const next = NEXT[error.code];
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.code === "OFFLINE" ? "Offline" : "That did not work"}</strong>{" "}
        {error.message.replace(/\.?$/, ".")}
        {next && ` ${next}`}
        {error.code !== "OFFLINE" && <code>{error.code}</code>}
      </p>
      {retry && <button type="button" class="quiet" onClick={retry}>Try again</button>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="loading" role="status">
      <span class="orbit" aria-hidden="true" />
      <span>{isOffline.value ? "Waiting for the gateway" : `Loading ${what}`} …</span>
    </div>
  );
}

/** `isPage` where there is nothing else on the page. */
export function Empty({ title, children, isPage }: {
  title: string;
  children?: ComponentChildren;
  isPage?: boolean;
}) {
  const Title = isPage ? "h1" : "p";
  return (
    <div class="empty">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <circle cx="24" cy="24" r="20" />
        <ellipse cx="24" cy="24" rx="8" ry="20" />
        <path d="M4 24h40" />
      </svg>
      <Title class="empty-title">{title}</Title>
      {children}
    </div>
  );
}

export function Bar({ value, label }: { value: number; label: string }) {
  return <progress value={value} max={1} aria-label={label}>{Math.round(value * 100)} %</progress>;
}

interface Residency {
  readonly state: string;
  readonly fraction: number;
  readonly stage: string | null;
  readonly secondsLeft?: number | null;
  readonly error: { readonly message: string } | null;
}

const STATES: Readonly<Record<string, string>> = {
  COLD: "Cold",
  WARM: "Warm",
  UNLOADING: "Unloading",
  FAILED: "Failed",
  MISSING_WEIGHTS: "No weights",
};

/** As a word, without the figures that change while one listens. */
export function stateOf(residency: Residency): string {
  return residency.state === "LOADING" ? "Loading" : STATES[residency.state] ?? words(residency.state);
}

/** Cold, Loading 43 %, Warm: live where its data are. */
export function ResidencyBadge({ residency, withTime }: { residency: Residency; withTime?: boolean }) {
  const left = residency.secondsLeft;
  const text = residency.state === "LOADING"
    ? `Loading ${Math.round(residency.fraction * 100)} %${
      withTime && typeof left === "number" && left >= 1 ? `, ${seconds(left)} left` : ""
    }`
    : stateOf(residency);
  return (
    <span
      class={`badge ${residency.state.toLowerCase()}`}
      title={residency.error?.message ?? residency.stage ?? ""}
    >
      <span class="dot" aria-hidden="true" />
      {text}
    </span>
  );
}

export function Section({ title, note, children, id, isBeside }: {
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
  /** Stays in sight beside something long. */
  isBeside?: boolean;
}) {
  return (
    <section class={`section${isBeside ? " beside" : ""}`} id={id}>
      <header>
        <h2>{title}</h2>
        {note && <p class="note">{note}</p>}
      </header>
      {children}
    </section>
  );
}
