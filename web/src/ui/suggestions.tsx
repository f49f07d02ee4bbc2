/** Something to begin with. */
const SUGGESTIONS = ["Tell me a story.", "What is the capital of France?", "Write about the sea."];

export function Suggestions({ onSend }: { onSend: (text: string) => void }) {
  return (
    <p class="suggestions">
      {SUGGESTIONS.map((text) => (
        <button key={text} type="button" class="quiet" onClick={() => onSend(text)}>{text}</button>
      ))}
    </p>
  );
}
