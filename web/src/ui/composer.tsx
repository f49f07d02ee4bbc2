/** Where one writes. Enter sends, Shift and Enter begin a new line. */
import { useEffect, useRef, useState } from "preact/hooks";

export function Composer({ busy, takesFocus, onSend, onStop }: {
  busy: boolean;
  /** From the start. */
  takesFocus?: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (takesFocus) field.current?.focus({ preventScroll: true });
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
    field.current?.focus({ preventScroll: true });
  };
  return (
    <form class="composer" onSubmit={send}>
      <label class="unseen" for="prompt">Your message</label>
      <textarea
        id="prompt"
        ref={field}
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
