/** One conversation. What is being generated is watched here; a page that is loaded anew goes on watching. */
import { useEffect, useRef, useState } from "preact/hooks";
import { accepted, ApiError, request } from "../lib/api.ts";
import { type Loaded, useLoad } from "../lib/hooks.ts";
import { go, Link } from "../lib/router.tsx";
import { isOver, newRun, type Run, WatchedRun } from "../lib/runs.ts";
import {
  CreateSession,
  EditMessage,
  Regenerate,
  type SaidFragment,
  SelectBranch,
  SessionPage,
  type SessionPageQuery,
  StartGeneration,
  WatchGeneration,
} from "../operations/generated.ts";
import { Behind, type Sent } from "../ui/behind.tsx";
import { Composer, focusComposer } from "../ui/composer.tsx";
import { Empty, Loading, Problem } from "../ui/parts.tsx";
import { Suggestions } from "../ui/suggestions.tsx";
import { ConversationTools, Messages } from "./messages.tsx";
import type { Setting } from "./play.tsx";

export interface Session {
  /** Null where it is gone, or somebody else's. */
  readonly session: SessionPageQuery["session"];
  /** Of the current branch, the oldest first. */
  readonly messages: readonly SaidFragment[];
}

/** Pages of 20 that are read of one conversation; branches make a message dear. */
const MAX_PAGES = 100;

async function readSession(id: string, signal: AbortSignal): Promise<Session> {
  const messages: SaidFragment[] = [];
  let session: SessionPageQuery["session"] = null;
  let after: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const data: SessionPageQuery = await request(SessionPage, { id, after }, signal);
    session = data.session;
    messages.push(...session?.messages.edges.map(({ node }) => node) ?? []);
    if (!session?.messages.pageInfo.hasNextPage) break;
    after = session.messages.pageInfo.endCursor;
  }
  return { session, messages };
}

/** What was started in a conversation that had no address yet: it is watched on under the one that it got. */
const handedOver = new Map<string, WatchedRun>();

export function Conversation({ sessionId, model, setting, onChange }: {
  sessionId: string | null;
  model: string;
  setting: Setting;
  onChange: () => void;
}) {
  const [watched, setWatched] = useState<WatchedRun | null>(() =>
    sessionId === null ? null : handedOver.get(sessionId) ?? WatchedRun.resume(sessionId)
  );
  const [error, setError] = useState<ApiError | null>(null);
  const end = useRef<HTMLDivElement>(null);
  // Whoever has just sent the first message of a conversation goes on writing under its new address.
  const [isHandedOver] = useState(() => sessionId !== null && handedOver.has(sessionId));
  const kept = useLoad(sessionId, (signal) => readSession(sessionId!, signal));
  useEffect(() => {
    if (sessionId !== null) handedOver.delete(sessionId);
  }, []);
  useEffect(() => () => {
    if (![...handedOver.values()].includes(watched!)) watched?.leave();
  }, [watched]);
  const run = watched?.run.value;
  const over = run === undefined || isOver(run);
  const wasOver = useRef(over);
  useEffect(() => {
    if (over && !wasOver.current) {
      onChange();
      kept.reload();
    }
    wasOver.current = over;
  }, [over]);
  useEffect(() => {
    // Whoever has scrolled up to read stays there.
    if (scrollY + innerHeight > document.documentElement.scrollHeight - 240) {
      end.current?.scrollIntoView({ block: "end" });
    }
  }, [run?.text.length, run?.phase]);

  const attempt = (act: () => Promise<void>) => {
    setError(null);
    act().catch((cause) =>
      setError(cause instanceof ApiError ? cause : new ApiError("UNEXPECTED", `${cause}`))
    );
  };
  const isBeginning = useRef(false);
  const send = (text: string) => {
    // A conversation begins once, however often somebody presses.
    if (isBeginning.current) return;
    isBeginning.current = true;
    attempt(() => begin(text).finally(() => isBeginning.current = false));
  };
  const begin = async (text: string) => {
    const id = sessionId ??
      accepted((await request(CreateSession, { input: { model: { name: model } } })).createSession).session
        .id;
    const started = WatchedRun.start(
      id,
      { model: { name: model }, sessionId: id, prompt: { text }, sampling: setting.sampling as never },
      { model, prompt: text },
    );
    if (sessionId !== null) return setWatched(started);
    handedOver.set(id, started);
    go(`/play/${encodeURIComponent(id)}`);
    onChange();
  };
  const sampling = setting.sampling as never;
  const [again, setAgain] = useState<Sent | null>(null);
  const regenerate = (message: SaidFragment, question: SaidFragment) => {
    const input = { messageId: message.id, sampling, onDisconnect: "CONTINUE" as const };
    focusComposer();
    setAgain({ title: "Ask again", operation: Regenerate, variables: { input } });
    setWatched(WatchedRun.begin(
      sessionId!,
      { ...newRun(model, question.content), place: { messageId: question.id, isBehind: true } },
      async () => accepted((await request(Regenerate, { input })).regenerate).generation.id,
    ));
  };
  const edit = (question: SaidFragment, content: string) => {
    const input = { messageId: question.id, content, sampling, onDisconnect: "CONTINUE" as const };
    focusComposer();
    setAgain({ title: "Ask instead", operation: EditMessage, variables: { input } });
    setWatched(WatchedRun.begin(
      sessionId!,
      { ...newRun(model, content), place: { messageId: question.id, isBehind: false } },
      async () => accepted((await request(EditMessage, { input })).editMessage).generation.id,
    ));
  };
  return (
    <>
      {kept.data?.session && (
        <ConversationTools session={kept.data.session} reload={kept.reload} attempt={attempt} />
      )}
      <div class="conversation" role="log" aria-live="off" aria-label="Conversation">
        {sessionId === null ? <Beginning model={model} onSend={send} /> : (
          <Kept
            {...{ sessionId, kept, watched, over, setWatched, regenerate, edit, attempt }}
            coloured={setting.coloured}
          />
        )}
        {error && <Problem error={error} />}
        <div ref={end} />
      </div>
      <Composer
        busy={!over}
        takesFocus={isHandedOver}
        onSend={send}
        onStop={() => attempt(async () => await watched?.stop())}
      />
      <Behind sent={behind(sessionId, run, again)} />
    </>
  );
}

/** How what is seen was asked for, how its answer is watched, and how the whole conversation is read. */
function behind(sessionId: string | null, run: Run | undefined, again: Sent | null): readonly Sent[] {
  const asked: Sent | null = run?.input
    ? { title: "Ask", operation: StartGeneration, variables: { input: run.input } }
    : again;
  return [
    ...run !== undefined && asked !== null ? [asked] : [],
    ...run?.generationId
      ? [{
        title: "Watch the answer",
        operation: WatchGeneration,
        variables: { id: run.generationId, afterSeq: 0 },
      }]
      : [],
    ...sessionId === null ? [] : [{
      title: "Read the conversation",
      operation: SessionPage,
      variables: { id: sessionId, after: null },
    }],
  ];
}

function Beginning({ model, onSend }: { model: string; onSend: (text: string) => void }) {
  return (
    <Empty title={`Talk to ${model.split("/").at(-1)}`}>
      <p>What is said here is kept by the gateway, with the exact weights that answered.</p>
      <Suggestions onSend={onSend} />
    </Empty>
  );
}

/** What the gateway keeps of the conversation, and what is being watched in it. */
function Kept({ sessionId, kept, watched, over, coloured, setWatched, regenerate, edit, attempt }: {
  sessionId: string;
  kept: Loaded<Session>;
  watched: WatchedRun | null;
  over: boolean;
  coloured: boolean;
  setWatched: (run: WatchedRun | null) => void;
  regenerate: (message: SaidFragment, question: SaidFragment) => void;
  edit: (question: SaidFragment, content: string) => void;
  attempt: (act: () => Promise<void>) => void;
}) {
  const { data, error, reload } = kept;
  const run = watched?.run.value;
  const session = data?.session;
  const messages = data?.messages ?? [];
  useEffect(() => {
    // Started by another tab, or before this tab's storage was lost: watched from its first event.
    const open = session?.openGeneration?.id;
    if (watched !== null || open === undefined) return;
    const question = messages.findLast(({ role }) => role === "USER");
    setWatched(WatchedRun.watch(sessionId, open, {
      model: session?.model?.name ?? "",
      prompt: question?.content ?? "",
    }));
  }, [session?.openGeneration?.id]);
  if (error && data === undefined && run === undefined) return <Problem error={error} retry={reload} />;
  if (data === undefined && run === undefined) return <Loading what="the conversation" />;
  if (data !== undefined && session === null) {
    return (
      <Empty title="This conversation is gone, or is not yours">
        <p>
          Each key sees its own alone. <Link href="/play">Begin a new one</Link>
        </p>
      </Empty>
    );
  }
  const choose = (messageId: string) =>
    attempt(async () => {
      accepted((await request(SelectBranch, { input: { messageId } })).selectBranch);
      watched?.forget();
      setWatched(null);
      reload();
    });
  return (
    <>
      {error && <Problem error={error} retry={reload} />}
      <Messages {...{ messages, run, coloured, regenerate, edit, choose }} canAct={over} />
    </>
  );
}
