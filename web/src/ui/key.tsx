/** Asks for a key, and tells clearly when it is wrong. It is kept for this tab only. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, request, useKey } from "../lib/api.ts";
import { Viewer } from "../operations/generated.ts";

const REJECTED = "The gateway does not accept this key: it is mistyped, expired or revoked.";

/** Instead of every page, while the gateway lets nobody in. */
export function KeyGate({ problem }: { problem: "missing" | "rejected" }) {
  return (
    <div class="gate">
      <h1>{problem === "missing" ? "This gateway asks for a key" : "This key lets nobody in"}</h1>
      <KeyForm problem={problem} />
      {problem === "rejected" && (
        <p class="note">
          Or <button type="button" class="plain" onClick={() => useKey(null)}>forget the key</button>{" "}
          and go on with what the gateway shows to everybody.
        </p>
      )}
    </div>
  );
}

export function KeyForm({ problem, onDone }: { problem?: "missing" | "rejected"; onDone?: () => void }) {
  const [value, setValue] = useState("");
  const [error, setError] = useState<string | null>(problem === "rejected" ? REJECTED : null);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const key = value.trim();
    try {
      await request(Viewer, {}, undefined, key);
      setError(null);
      useKey(key);
      onDone?.();
    } catch (cause) {
      const isOther = cause instanceof ApiError && cause.code !== "UNAUTHENTICATED";
      setError(isOther ? cause.message : REJECTED);
      input.current?.select();
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <label>
        API key
        <input
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="gsk_…"
          value={value}
          aria-invalid={error !== null}
          aria-describedby="key-note"
          onInput={(event) => setValue(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={busy || value.trim() === ""}>
        {busy ? "Asking …" : "Use this key"}
      </button>
      <p id="key-note" class="note">
        Kept for this tab only. The first admin key was printed when the gateway first started; another is
        made there with <code>deno task -q geodesic keys create --role admin</code>.
      </p>
      <p class="field-error" role="alert">{error}</p>
    </form>
  );
}
