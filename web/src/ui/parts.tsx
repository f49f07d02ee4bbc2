/** Small parts that every page is made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type ApiError, isOffline } from "../lib/api.ts";

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
    <button
      type="button"
      class={small ? "quiet small" : "quiet"}
      onClick={copy}
      aria-label={small ? label : undefined}
    >
      {done === "yes" ? "Copied" : done === "failed" ? "Not allowed" : small ? "Copy" : label}
      <span class="unseen" role="status">{done === "yes" ? "Copied" : ""}</span>
    </button>
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

export function Problem({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.code === "OFFLINE" ? "Offline" : "That did not work"}</strong> {error.message}
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
  readonly error: { readonly message: string } | null;
}

const STATES: Readonly<Record<string, string>> = {
  COLD: "Cold",
  WARM: "Warm",
  UNLOADING: "Unloading",
  FAILED: "Failed",
  MISSING_WEIGHTS: "No weights",
};

/** Cold, Loading 43 %, Warm: live where its data are. */
export function ResidencyBadge({ residency }: { residency: Residency }) {
  const text = residency.state === "LOADING"
    ? `Loading ${Math.round(residency.fraction * 100)} %`
    : STATES[residency.state] ?? residency.state;
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

export function Section({ title, note, children, id }: {
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
}) {
  return (
    <section class="section" id={id}>
      <header>
        <h2>{title}</h2>
        {note && <p class="note">{note}</p>}
      </header>
      {children}
    </section>
  );
}
