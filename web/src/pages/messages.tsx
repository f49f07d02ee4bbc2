/** The messages of a branch, with the ways to the other branches; and what can be done with the whole conversation. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import type { Run } from "../lib/runs.ts";
import {
  type ContextPolicy,
  type ExportFormat,
  ExportSession,
  type SaidFragment,
  SetContextPolicy,
} from "../operations/generated.ts";
import { Answer, Counts, Speed } from "../ui/answer.tsx";

interface MessagesProps {
  readonly messages: readonly SaidFragment[];
  readonly run: Run | undefined;
  readonly coloured: boolean;
  readonly canAct: boolean;
  readonly regenerate: (message: SaidFragment, question: SaidFragment) => void;
  readonly edit: (question: SaidFragment, content: string) => void;
  readonly choose: (messageId: string) => void;
}

export function Messages(props: MessagesProps) {
  const { messages, run } = props;
  const isAnswered = messages.some((message) => isAnswerOf(message, run));
  const shown = run === undefined || isAnswered ? messages : [...before(messages, run), ...pending(run)];
  return (
    <>
      {shown.map((message, index) => (
        // An answer stays the same element when it has become a message.
        <Said
          key={isAnswerOf(message, run) ? `of ${run!.generationId}` : message.id}
          {...props}
          message={message}
          question={shown[index - 1]}
        />
      ))}
    </>
  );
}

function isAnswerOf({ role, generation }: SaidFragment, run: Run | undefined): boolean {
  return role === "ASSISTANT" && run !== undefined && generation?.id === run.generationId;
}

/** What the gateway does not have as messages yet. They have no id. */
function pending({ prompt, place, generationId }: Run): readonly SaidFragment[] {
  const none = { id: "", createdAt: "", branchIndex: 0, branchCount: 1, siblings: [] };
  const generation = {
    ...{ id: generationId as string, status: "RUNNING" as const, finishReason: null },
    ...{ artifactSha256: null, usage: null, timings: null },
  };
  const question: SaidFragment = { ...none, role: "USER", content: prompt, generation: null };
  return [
    ...place?.isBehind ? [] : [question],
    { ...none, role: "ASSISTANT", content: "", generation },
  ];
}

/** What comes before the answer that is being watched. */
function before(messages: readonly SaidFragment[], { place, generationId }: Run): readonly SaidFragment[] {
  const index = place === null ? -1 : messages.findIndex(({ id }) => id === place.messageId);
  if (place !== null && index >= 0) return messages.slice(0, place.isBehind ? index + 1 : index);
  if (place?.isBehind) return messages;
  return messages.filter(({ generation }) => generation === null || generation.id !== generationId);
}

function Said({ message, question, run, coloured, canAct, regenerate, edit, choose }: MessagesProps & {
  message: SaidFragment;
  question: SaidFragment | undefined;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  const { generation, role } = message;
  const isAnswer = role === "ASSISTANT";
  const isWatched = isAnswerOf(message, run);
  const save = (event: Event) => {
    event.preventDefault();
    if (draft?.trim()) edit(message, draft.trim());
    setDraft(null);
  };
  return (
    <div class={`said ${role.toLowerCase()}`}>
      <span class="unseen">{isAnswer ? "Model: " : role === "USER" ? "You: " : "System: "}</span>
      {isWatched
        ? <Answer run={run!} coloured={coloured} />
        : draft !== null
        ? (
          <form class="edit" onSubmit={save}>
            <label>
              Ask instead
              <textarea
                rows={3}
                ref={focusOnce}
                value={draft}
                onInput={({ currentTarget }) => setDraft(currentTarget.value)}
              />
            </label>
            <p class="note">The old question and its answer stay, as a branch beside this one.</p>
            <span class="actions">
              <button type="submit" class="primary small">Ask</button>
              <button type="button" class="quiet small" onClick={() => setDraft(null)}>Leave it</button>
            </span>
          </form>
        )
        : <p class="text">{message.content}</p>}
      {isAnswer && !isWatched && generation?.usage && (
        <p class="usage">
          <Counts usage={generation.usage} />
          {generation.timings && <Speed timings={generation.timings} />}
          {generation.artifactSha256 && (
            <span title={generation.artifactSha256}>weights {generation.artifactSha256.slice(0, 8)}</span>
          )}
        </p>
      )}
      {draft === null && message.id !== "" && (
        <div class="said-actions">
          <Branches message={message} choose={choose} canAct={canAct} />
          {isAnswer && question !== undefined && (
            <button
              type="button"
              class="plain"
              disabled={!canAct}
              onClick={() => regenerate(message, question)}
            >
              Regenerate
            </button>
          )}
          {role === "USER" && (
            <button
              type="button"
              class="plain"
              disabled={!canAct}
              onClick={() => setDraft(message.content)}
            >
              Edit
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** A field that has just come begins with the caret in it. */
function focusOnce(field: HTMLTextAreaElement | null): void {
  if (field !== null && document.activeElement !== field) field.focus();
}

function Branches({ message, choose, canAct }: {
  message: SaidFragment;
  choose: (messageId: string) => void;
  canAct: boolean;
}) {
  const { branchIndex, branchCount, siblings } = message;
  if (branchCount < 2) return null;
  const to = (index: number) => () => choose(siblings[index]!.id);
  return (
    <span class="branches" role="group" aria-label="Branches">
      <button
        type="button"
        class="plain"
        aria-label="Branch before"
        disabled={!canAct || branchIndex === 0}
        onClick={to(branchIndex - 1)}
      >
        ‹
      </button>
      {branchIndex + 1} of {branchCount}
      <button
        type="button"
        class="plain"
        aria-label="Branch after"
        disabled={!canAct || branchIndex === branchCount - 1}
        onClick={to(branchIndex + 1)}
      >
        ›
      </button>
    </span>
  );
}

export function ConversationTools({ session, reload, attempt }: {
  session: { readonly id: string; readonly contextPolicy: ContextPolicy };
  reload: () => void;
  attempt: (act: () => Promise<void>) => void;
}) {
  const save = (format: ExportFormat) =>
    attempt(async () => {
      const { exportSession: file } = await request(ExportSession, { id: session.id, format });
      const url = URL.createObjectURL(new Blob([file.content], { type: file.mediaType }));
      const link = Object.assign(document.createElement("a"), { href: url, download: file.fileName });
      link.click();
      URL.revokeObjectURL(url);
    });
  const policy = (contextPolicy: ContextPolicy) =>
    attempt(async () => {
      const input = { id: session.id, contextPolicy };
      accepted((await request(SetContextPolicy, { input })).setContextPolicy);
      reload();
    });
  return (
    <div class="conversation-tools">
      <label>
        When the context is full
        <select
          value={session.contextPolicy}
          onChange={({ currentTarget }) => policy(currentTarget.value as ContextPolicy)}
        >
          <option value="REFUSE">refuse to go on</option>
          <option value="DROP_OLDEST">leave out the oldest turns</option>
        </select>
      </label>
      <span>
        Export
        <button type="button" class="plain" onClick={() => save("MARKDOWN")}>Markdown</button>
        <button type="button" class="plain" onClick={() => save("JSON")}>JSON</button>
      </span>
    </div>
  );
}
