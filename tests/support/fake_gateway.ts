/**
 * The use cases in memory, for tests of the API alone. Tests write the event log of a generation themselves and
 * see how many readers it has; everything else answers from a few fixed objects.
 */
import type {
  ChatMessage,
  Gateway,
  GenerateInput,
  Generation,
  Model,
  Page,
  PageArgs,
  Principal,
  Role,
  SamplingRevision,
  Session,
  SessionMessage,
} from "../../src/app/types.ts";
import { CapacityError, ConfigError, ForbiddenError, NotFoundError } from "../../src/errors.ts";
import type { DeviceInfo } from "../../src/engine/protocol.ts";
import type { SamplingParams } from "../../src/model/sampling.ts";
import { FakeLog, USAGE } from "./fake_log.ts";
import { ARTIFACT, HASH, MERGE, MODELS, SAMPLING, T0, TENSORS } from "./fake_objects.ts";

export const KEYS: Readonly<Record<string, Role>> = { v: "VIEWER", g: "GENERATOR", a: "ADMIN" };

type ModelsOfApi = Pick<
  Gateway["models"],
  | "get"
  | "getMany"
  | "list"
  | "residency"
  | "artifact"
  | "parents"
  | "descendants"
  | "register"
  | "load"
  | "unload"
>;

type SamplingDefaultsOfApi = Pick<Gateway["samplingDefaults"], "effective" | "update">;
type SessionsOfApi = Pick<Gateway["sessions"], "get" | "getMany" | "list" | "messages" | "create" | "delete">;
type GenerationsOfApi = Pick<Gateway["generations"], "get" | "getMany" | "start" | "cancel" | "events">;

const DEVICE: DeviceInfo = {
  adapter: "llvmpipe",
  vendor: "mesa",
  backend: "vulkan",
  features: ["shader-f16"],
  limits: { maxBufferSize: 4_294_967_296 },
  software: true,
  kernelsSha256: "7777777777777777777777777777777777777777777777777777777777777777",
  memoryBandwidth: 3.2e12,
};

export class FakeGateway {
  allowAnonymous = true;
  /** Thrown by the next call of a use case that can fail. */
  failWith: unknown = null;
  device = true;
  /** What `generations.start` waits for. */
  beforeStart: Promise<void> = Promise.resolve();
  readonly logs = new Map<string, FakeLog>();
  readonly started: { readonly principal: Principal; readonly input: GenerateInput }[] = [];
  readonly #generations = new Map<string, Generation>();
  readonly #sessions = new Map<string, { readonly session: Session; readonly messages: SessionMessage[] }>();
  readonly #revisions: SamplingRevision[] = [];
  /** Batches that the model loader asked for. */
  readonly modelBatches: (readonly string[])[] = [];

  /** The fake as the real thing: it has every use case that the API calls, and no other. */
  get gateway(): Gateway {
    return this as unknown as Gateway;
  }

  /** The log of the generation that was started last. */
  get lastLog(): FakeLog {
    return [...this.logs.values()].at(-1)!;
  }

  #require(principal: Principal, role: Role): void {
    const rank = { VIEWER: 0, GENERATOR: 1, ADMIN: 2 };
    if (rank[principal.role] < rank[role]) {
      throw new ForbiddenError(`Cannot do this as ${principal.role}: expected ${role}`);
    }
  }

  #fail(): void {
    const error = this.failWith;
    this.failWith = null;
    if (error !== null) throw error;
  }

  #find(ref: { readonly id?: string; readonly name?: string }): Model | null {
    return MODELS.find(({ id, name }) => id === ref.id || name === ref.name) ?? null;
  }

  #requireModel(ref: { readonly id?: string; readonly name?: string }): Model {
    const found = this.#find(ref);
    if (!found) throw new NotFoundError(`Cannot find model "${ref.id ?? ref.name}"`);
    return found;
  }

  readonly models: ModelsOfApi = {
    get: (ref) => {
      this.#fail();
      return Promise.resolve(this.#find(ref));
    },
    getMany: (ids) => {
      this.modelBatches.push(ids);
      return Promise.resolve(ids.map((id) => this.#find({ id })));
    },
    list: (args, where) =>
      Promise.resolve(
        pageOf(MODELS.filter(({ name }) => name.includes(where?.nameContains ?? "")), args),
      ),
    residency: (id) =>
      id === "m1" ? { state: "WARM", fraction: 1, stage: null, load: null, since: T0, error: null } : {
        state: "FAILED",
        fraction: 0,
        stage: null,
        load: null,
        since: T0,
        error: { code: "CAPACITY", message: "Too little memory", details: { retryAfterMs: 1000 } },
      },
    artifact: () => Promise.resolve(ARTIFACT),
    parents: (id) => Promise.resolve(id === "m1" ? [MODELS[1]!] : []),
    descendants: (id) => Promise.resolve(id === "m2" ? [MODELS[0]!] : []),
    register: (principal, { path }) => {
      this.#require(principal, "ADMIN");
      if (path === "") throw new ConfigError("Cannot register: the path is empty");
      return Promise.resolve(MODELS[1]!);
    },
    load: (principal, ref) => {
      this.#require(principal, "ADMIN");
      this.#fail();
      return Promise.resolve(this.#requireModel(ref));
    },
    unload: (principal, ref) => {
      this.#require(principal, "ADMIN");
      return Promise.resolve(this.#requireModel(ref));
    },
  };

  readonly merges: Pick<Gateway["merges"], "get" | "tensors"> = {
    get: (id) => Promise.resolve(id === MERGE.id ? MERGE : null),
    tensors: (_id, args, where) =>
      Promise.resolve(pageOf(TENSORS.filter(({ layer }) => layer === (where?.layer ?? layer)), args)),
  };

  readonly sessions: SessionsOfApi = {
    get: (principal, id) => {
      const session = this.#sessions.get(id)?.session ?? null;
      return Promise.resolve(session?.principalId === principal.id ? session : null);
    },
    getMany: (principal, ids) => Promise.all(ids.map((id) => this.sessions.get(principal, id))),
    list: (principal, args) =>
      Promise.resolve(
        pageOf(
          [...this.#sessions.values()].map(({ session }) => session)
            .filter(({ principalId }) => principalId === principal.id),
          args,
        ),
      ),
    messages: (_principal, id, args) => Promise.resolve(pageOf(this.#sessions.get(id)?.messages ?? [], args)),
    create: (principal, input) => {
      this.#require(principal, "GENERATOR");
      const id = `s${this.#sessions.size + 1}`;
      const session: Session = {
        id,
        principalId: principal.id,
        modelId: this.#requireModel(input.model).id,
        title: input.title ?? null,
        activeMessageId: input.systemPrompt ? `${id}-1` : null,
        contextPolicy: input.contextPolicy ?? "REFUSE",
        createdAt: T0,
        updatedAt: T0,
      };
      const system: ChatMessage[] = input.systemPrompt
        ? [{ role: "SYSTEM", content: input.systemPrompt }]
        : [];
      const messages = system.map((message) => ({
        ...message,
        id: `${id}-1`,
        sessionId: id,
        parentId: null,
        siblingIds: [`${id}-1`],
        generationId: null,
        createdAt: T0,
      }));
      this.#sessions.set(id, { session, messages });
      return Promise.resolve(session);
    },
    delete: (principal, id) => {
      if (this.#sessions.get(id)?.session.principalId !== principal.id) {
        throw new NotFoundError(`Cannot find session "${id}"`);
      }
      this.#sessions.delete(id);
      return Promise.resolve();
    },
  };

  readonly generations: GenerationsOfApi = {
    get: (principal, id) => {
      const generation = this.#generations.get(id);
      return Promise.resolve(generation?.principalId === principal.id ? generation : null);
    },
    getMany: (principal, ids) => Promise.all(ids.map((id) => this.generations.get(principal, id))),
    start: async (principal, input) => {
      await this.beforeStart;
      this.#require(principal, "GENERATOR");
      this.#fail();
      if ((input.sampling?.maxTokens ?? 1) < 1) throw new CapacityError("Cannot generate no tokens");
      const model = this.#requireModel(input.model);
      this.started.push({ principal, input });
      const id = `g${this.#generations.size + 1}`;
      const generation: Generation = {
        id,
        principalId: principal.id,
        modelId: model.id,
        artifactSha256: HASH,
        sessionId: input.sessionId ?? null,
        status: "QUEUED",
        finishReason: null,
        text: "",
        requestedSampling: input.sampling ?? {},
        effectiveSampling: SAMPLING,
        samplingRevisionIds: ["r1"],
        samplingOrigins: null,
        contextPolicy: input.contextPolicy ?? "REFUSE",
        trimmed: null,
        priority: input.priority ?? 0,
        deadlineSeconds: input.deadlineSeconds ?? null,
        conditions: null,
        reproductionOf: null,
        reproduction: null,
        usage: null,
        timings: null,
        error: null,
        onDisconnect: input.onDisconnect ?? "CONTINUE",
        createdAt: T0,
        finishedAt: null,
      };
      this.#generations.set(id, generation);
      this.logs.set(id, new FakeLog(id));
      return generation;
    },
    cancel: async (principal, id) => {
      const generation = await this.generations.get(principal, id);
      if (!generation) throw new NotFoundError(`Cannot find generation "${id}"`);
      const log = this.logs.get(id)!;
      if (!log.ended) log.push({ kind: "cancelled", usage: USAGE });
      const cancelled: Generation = { ...generation, status: "CANCELLED", finishReason: "CANCELLED" };
      this.#generations.set(id, cancelled);
      return cancelled;
    },
    events: (_principal, id, { afterSeq = 0, signal }) => {
      if (afterSeq < 0) throw new ConfigError(`Cannot continue after ${afterSeq}: expected 0 or more`);
      const log = this.logs.get(id)!;
      const generation = this.#generations.get(id)!;
      const disconnected = () => {
        if (generation.onDisconnect === "CANCEL" && !log.ended) log.push({ kind: "cancelled", usage: USAGE });
      };
      signal?.addEventListener("abort", disconnected, { once: true });
      return log.read(afterSeq, () => signal?.removeEventListener("abort", disconnected));
    },
  };

  readonly samplingDefaults: SamplingDefaultsOfApi = {
    effective: (ref) => {
      if (ref) this.#requireModel(ref);
      const origins = Object.fromEntries(Object.keys(SAMPLING).map((key) => [key, "BUILT_IN"]));
      return Promise.resolve({
        modelId: ref ? this.#requireModel(ref).id : null,
        values: SAMPLING,
        origins: origins as Record<keyof SamplingParams, "BUILT_IN">,
        revisions: this.#revisions,
      });
    },
    update: (principal, input) => {
      this.#require(principal, "ADMIN");
      if ((input.sampling.temperature ?? 0) > 2) {
        throw new ConfigError("Cannot use temperature 3: expected 0 to 2", { field: "temperature" });
      }
      const revision: SamplingRevision = {
        id: `r${this.#revisions.length + 1}`,
        modelId: input.model ? this.#requireModel(input.model).id : null,
        revision: this.#revisions.length + 1,
        values: input.sampling,
        changes: [],
        author: principal.id,
        reason: input.reason,
        createdAt: T0,
      };
      this.#revisions.push(revision);
      return Promise.resolve(revision);
    },
  };

  readonly access: Pick<Gateway["access"], "authenticate" | "validity" | "onRevoked"> = {
    validity: () => ({ remainingMs: null }),
    onRevoked: () => ({ [Symbol.dispose]: () => {} }),
    authenticate: (authorization) => {
      if (authorization === null && this.allowAnonymous) {
        return Promise.resolve({ id: "anonymous", role: "GENERATOR" });
      }
      const role = KEYS[/^Bearer (\w)$/.exec(authorization ?? "")?.[1] ?? ""];
      if (!role) return Promise.reject(new ForbiddenError("Unknown or revoked API key"));
      return Promise.resolve({ id: `key-${role.toLowerCase()}`, role });
    },
  };

  engineStatus: Gateway["engineStatus"] = () =>
    this.device ? { state: "READY", restarts: 0, device: DEVICE } : {
      state: "FAILED",
      restarts: 2,
      error: { code: "DEVICE_LOST", message: "No GPU", details: {} },
      retryAt: null,
    };

  runtime: Gateway["runtime"] = () =>
    Promise.resolve({
      status: this.engineStatus(),
      device: this.device ? DEVICE : null,
      engine: {
        type: "metrics",
        models: [
          {
            modelKey: "m1",
            running: 2,
            waiting: 1,
            usedBlocks: 3,
            cachedBlocks: 5,
            totalBlocks: 64,
            prefixCacheQueries: 40,
            prefixCacheHits: 16,
            preemptions: 1,
            draftedTokens: 12,
            acceptedTokens: 9,
            weightBytes: 1,
            kvCacheBytes: 2,
            kvCacheFormat: "f32",
            accumulation: "f32",
            isTuned: false,
          },
          {
            modelKey: "m2",
            running: 1,
            waiting: 0,
            usedBlocks: 4,
            cachedBlocks: 0,
            totalBlocks: 64,
            prefixCacheQueries: 2,
            prefixCacheHits: 0,
            preemptions: 2,
            draftedTokens: 0,
            acceptedTokens: 0,
            weightBytes: 1,
            kvCacheBytes: 2,
            kvCacheFormat: "fp8",
            accumulation: "f16",
            isTuned: true,
          },
        ],
        lastBatchSize: 3,
        steps: 5_000_000_000,
        submits: 2_000_000_000,
        stepsPerSubmit: 2.5,
        generatedTokens: 7,
        dispatchesPerStep: 66,
        tokensPerSecond: 12.5,
        readBytesPerSecond: 1.6e12,
      },
    });
}

function pageOf<T>(all: readonly T[], { first = 20, after }: PageArgs): Page<T> {
  if (first < 1 || first > 100) throw new ConfigError(`Cannot read a page of ${first}: expected 1 to 100`);
  const start = after === undefined ? 0 : Number(after) + 1;
  const nodes = all.slice(start, start + first);
  return {
    edges: nodes.map((node, index) => ({ cursor: String(start + index), node })),
    hasNextPage: start + first < all.length,
    totalCount: all.length,
  };
}
