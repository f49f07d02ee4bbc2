/** Where one writes. Enter sends, Shift and Enter begin a new line. */
import { useEffect, useState } from "preact/hooks";

/** For whoever types; where fingers do, it would open a keyboard over what is to be read. */
export function focusComposer(): void {
  if (matchMedia("(pointer: coarse)").matches) return;
  document.getElementById("prompt")?.focus({ preventScroll: true });
}

export function Composer({ busy, takesFocus, onSend, onStop }: {
  busy: boolean;
  /** From the start. */
  takesFocus?: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}) {
  const [text, setText] = useState("");
  useEffect(() => {
    if (takesFocus) focusComposer();
  }, []);
  const send = (event: Event) => {
    event.preventDefault();
    if (busy || text.trim() === "") return;
    onSend(text.trim());
    setText("");
  };
  const stop = () => {
    onStop();
    // The button goes away when the answer has ended.
    focusComposer();
  };
  return (
    <form class="composer" onSubmit={send}>
      <label class="unseen" for="prompt">Your message</label>
      <textarea
        id="prompt"
        rows={2}
        value={text}
        placeholder="Say something"
        aria-describedby="prompt-note"
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
        }}
      />
      {busy
        ? <button type="button" class="primary stop" onClick={stop}>Stop</button>
        : <button type="submit" class="primary" disabled={text.trim() === ""}>Send</button>}
      <p id="prompt-note" class="composer-note">Enter sends, Shift and Enter begin a new line.</p>
    </form>
  );
}
