/** Where one writes. Enter sends, Shift and Enter begin a new line. */
import { useState } from "preact/hooks";

export function Composer({ busy, onSend, onStop }: {
  busy: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}) {
  const [text, setText] = useState("");
  const send = (event: Event) => {
    event.preventDefault();
    if (busy || text.trim() === "") return;
    onSend(text.trim());
    setText("");
  };
  return (
    <form class="composer" onSubmit={send}>
      <label class="unseen" for="prompt">Your message</label>
      <textarea
        id="prompt"
        rows={2}
        value={text}
        placeholder="Say something"
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
        }}
      />
      {busy
        ? <button type="button" class="primary stop" onClick={onStop}>Stop</button>
        : <button type="submit" class="primary" disabled={text.trim() === ""}>Send</button>}
    </form>
  );
}
