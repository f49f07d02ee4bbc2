/** The vocabulary of sessions: conversations with branches, and the use cases. */
import type { ModelRef, Page, PageArgs, Principal } from "./common_types.ts";

export type MessageRole = "SYSTEM" | "USER" | "ASSISTANT";
export interface ChatMessage {
  readonly role: MessageRole;
  readonly content: string;
}
export interface Session {
  readonly id: string;
  readonly principalId: string;
  readonly modelId: string;
  readonly title: string | null;
  /** Leaf of the current branch; null while there are no messages. */
  readonly activeMessageId: string | null;
  readonly contextPolicy: ContextPolicy;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
export interface SessionMessage extends ChatMessage {
  readonly id: string;
  readonly sessionId: string;
  /** Null for a first message. */
  readonly parentId: string | null;
  /** All messages with the same parent, itself included, oldest first. */
  readonly siblingIds: readonly string[];
  readonly generationId: string | null;
  readonly createdAt: Date;
}
/** What happens to a conversation that does not fit into the context: nothing, or its oldest turns are left out. */
export type ContextPolicy = "REFUSE" | "DROP_OLDEST";
/** Messages that the model was not shown, and those it was (the new prompt included). */
export interface TrimmedContext {
  readonly droppedMessages: number;
  readonly keptMessages: number;
}
export type ExportFormat = "JSON" | "MARKDOWN";
export interface ExportedSession {
  readonly fileName: string;
  readonly mediaType: string;
  readonly content: string;
}

/** Where branches begin: behind a message, or (null) at the beginning of a session. */
export interface Junction {
  readonly sessionId: string;
  readonly messageId: string | null;
}

/** An admin who changes, deletes or exports what is somebody else's leaves an entry in the audit log. */
export interface SessionUseCases {
  get(principal: Principal, id: string): Promise<Session | null>;
  /** In the order of the ids. */
  getMany(principal: Principal, ids: readonly string[]): Promise<readonly (Session | null)[]>;
  list(
    principal: Principal,
    page: PageArgs,
    where?: { readonly titleContains?: string },
  ): Promise<Page<Session>>;
  /** A branch, oldest first: the one that ends at `leafId`, or the current one. */
  messages(
    principal: Principal,
    sessionId: string,
    page: PageArgs,
    leafId?: string,
  ): Promise<Page<SessionMessage>>;
  /** In the order of the ids; null where there is none that the principal may see. */
  getMessages(principal: Principal, ids: readonly string[]): Promise<readonly (SessionMessage | null)[]>;
  /**
   * What follows each of these messages (a first one: what begins the session), one a branch, oldest first; nothing for
   * messages of sessions that the principal may not see.
   */
  branches(
    principal: Principal,
    junctions: readonly Junction[],
  ): Promise<readonly (readonly SessionMessage[])[]>;
  create(
    principal: Principal,
    input: {
      readonly model: ModelRef;
      readonly title?: string;
      readonly systemPrompt?: string;
      readonly contextPolicy?: ContextPolicy;
    },
  ): Promise<Session>;
  /** Null takes the title from the first question again. */
  rename(principal: Principal, id: string, title: string | null): Promise<Session>;
  setContextPolicy(principal: Principal, id: string, policy: ContextPolicy): Promise<Session>;
  /** Makes the newest branch through this message the current one. */
  selectBranch(principal: Principal, messageId: string): Promise<Session>;
  /** Cancels what runs in it, then deletes its messages and whatever its generations were asked and said. */
  delete(principal: Principal, id: string): Promise<void>;
  export(principal: Principal, id: string, format: ExportFormat): Promise<ExportedSession>;
}
