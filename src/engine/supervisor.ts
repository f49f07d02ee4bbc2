/**
 * One engine after another behind one client: an engine that dies is replaced, after a delay that grows
 * (restart_policy.ts). Owns the engines and their order; a new one starts only when the old one is gone, for the device
 * has room for one. What was open on a dead engine fails with DEVICE_LOST, marked as worth another try
 * (`isRestarting`); trying again is the caller's, who knows what has been told to whom. Loads wait for the next engine,
 * which starts without models: they are loaded again by whoever needs them.
 */
import { DeviceLostError, type ErrorRecord, GeodesicError, toErrorRecord } from "../errors.ts";
import { PortEngineClient } from "./client.ts";
import type { EnginePort } from "./port.ts";
import {
  type DeviceInfo,
  type EngineClient,
  type EngineMetrics,
  type EngineStatus,
  type LoadCommand,
  type Loaded,
  type LoadProgress,
  type RequestMessage,
  RESTARTING,
  type SubmitCommand,
} from "./protocol.ts";
import { RESTART_LIMITS, type RestartDecision, type RestartLimits, RestartPolicy } from "./restart_policy.ts";

/** Time as the supervisor takes it. */
export interface SupervisorClock {
  now(): Date;
  /** Calls back once, unless disposed before. */
  after(ms: number, callback: () => void): Disposable;
}

/** What an operator wants to know. */
export type EngineNews =
  | { readonly kind: "died"; readonly error: GeodesicError; readonly next: RestartDecision }
  | { readonly kind: "restarted"; readonly device: DeviceInfo };

export interface SupervisorOptions {
  /** Starts an engine. Throws when none can be started whatever one tries. */
  readonly open: () => EnginePort;
  readonly clock: SupervisorClock;
  readonly limits?: Partial<RestartLimits>;
  readonly onNews?: (news: EngineNews) => void;
}

/** One life. */
interface Life {
  readonly client: PortEngineClient;
  readyAtMs: number | undefined;
}
/** Everything of a status but the count. */
type State<S = EngineStatus> = S extends EngineStatus ? Omit<S, "restarts"> : never;

export class SupervisedEngine implements EngineClient {
  readonly #options: SupervisorOptions;
  readonly #limits: RestartLimits;
  readonly #policy: RestartPolicy;
  readonly #lostListeners: ((error: GeodesicError) => void)[] = [];
  #state: State = { state: "STARTING" };
  #restarts = 0;
  #life: Life | null = null;
  /** Resolves with the next client that is ready, or with that one; rejects while there is none to hope for. */
  #ready = pendingClient();
  #timer: Disposable | undefined;
  #everReady = false;
  #closing: Promise<void> | undefined;
  /** Of lives that are over and not gone yet. */
  #burials: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#limits = { ...RESTART_LIMITS, ...options.limits };
    this.#policy = new RestartPolicy(this.#limits);
    this.#start();
  }

  async ready(): Promise<DeviceInfo> {
    return await (await this.#ready.promise).ready();
  }

  async load(
    command: Omit<LoadCommand, "type">,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: LoadProgress) => void } = {},
  ): Promise<Loaded> {
    let life: Life | null = null;
    try {
      const client = await abortable(this.#ready.promise, options.signal);
      life = this.#life?.client === client ? this.#life : null;
      const loaded = await client.load(command, options);
      // The end of its engine may have been read together with it.
      if (life === null || this.#life !== life) throw this.#whyNone();
      return loaded;
    } catch (error) {
      if (!isLoss(error)) throw error;
      if (life !== null) this.#died(life, error);
      throw new DeviceLostError(error.message, this.#markedDetails(error), { cause: error });
    }
  }

  async unload(modelKey: string): Promise<void> {
    await this.#life?.client.unload(modelKey); // What is gone holds no model.
  }

  submit(command: Omit<SubmitCommand, "type">, listener: (message: RequestMessage) => void): void {
    const life = this.#life;
    if (life === null) {
      const { requestId } = command;
      const error = this.#marked(toErrorRecord(this.#whyNone()));
      return queueMicrotask(() => listener({ type: "failed", requestId, error }));
    }
    life.client.submit(command, (message) => {
      if (message.type !== "failed" || message.error.code !== "DEVICE_LOST") return listener(message);
      // An engine that has lost its device fails its requests one by one before it says so: it is dead already.
      this.#died(life, new DeviceLostError(message.error.message, { ...message.error.details }));
      listener({ ...message, error: this.#marked(message.error) });
    });
  }

  cancel(requestId: string): void {
    this.#life?.client.cancel(requestId);
  }

  /** Never waits for a restart. */
  async metrics(): Promise<EngineMetrics> {
    if (this.#life === null) throw this.#whyNone();
    return await this.#life.client.metrics();
  }

  onLost(listener: (error: GeodesicError) => void): void {
    this.#lostListeners.push(listener);
  }

  status(): EngineStatus {
    return { ...this.#state, restarts: this.#restarts };
  }

  /** Closes the engine that runs and starts no other. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const error = new DeviceLostError("The engine is closed");
    const life = this.#life;
    this.#timer?.[Symbol.dispose]();
    this.#ready.reject(error);
    this.#ready = pendingClient();
    this.#ready.reject(error);
    this.#state = { state: "FAILED", error: toErrorRecord(error), retryAt: null };
    await life?.client[Symbol.asyncDispose]();
    this.#life = null;
    await this.#burials;
  }

  #start(): void {
    let client: PortEngineClient;
    try {
      client = new PortEngineClient(this.#options.open());
    } catch (error) {
      const why = error instanceof GeodesicError ? error : new DeviceLostError(String(error));
      // What could be started before can be started again, once there is memory, or a file, or a process to be had.
      return this.#everReady ? this.#tellDeath(why, this.#planRestart(why, 0)) : this.#giveUp(why);
    }
    const life: Life = this.#life = { client, readyAtMs: undefined };
    client.onLost((error) => this.#died(life, error));
    const { maxStartMs } = this.#limits;
    const late = this.#options.clock.after(maxStartMs, () => {
      client.lose(new DeviceLostError(`The engine was not ready within ${maxStartMs / 1000} seconds`));
    });
    client.ready().then((device) => {
      late[Symbol.dispose]();
      this.#becameReady(life, device);
    }, () => late[Symbol.dispose]()); // onLost tells of this case
  }

  #becameReady(life: Life, device: DeviceInfo): void {
    if (this.#life !== life || this.#closing !== undefined) return;
    life.readyAtMs = this.#nowMs();
    this.#state = { state: "READY", device };
    this.#ready.resolve(life.client);
    if (this.#everReady) this.#options.onNews?.({ kind: "restarted", device });
    this.#everReady = true;
  }

  #died(life: Life, error: GeodesicError): void {
    if (this.#life !== life || this.#closing !== undefined) return;
    this.#life = null;
    const { client, readyAtMs } = life;
    // Nothing but a device that cannot be opened is told by an engine that never was ready: waiting brings none.
    if (!this.#everReady && client.saidUnavailable) {
      return this.#bury(client, error, () => this.#giveUp(error));
    }
    if (readyAtMs !== undefined) this.#ready = pendingClient();
    const next = this.#planRestart(error, readyAtMs === undefined ? 0 : this.#nowMs() - readyAtMs);
    this.#bury(client, error, () => {});
    this.#tellDeath(error, next);
  }

  /** Says how things stand, and sets the timer. */
  #planRestart(error: GeodesicError, readyMs: number): RestartDecision {
    const nowMs = this.#nowMs();
    const next = this.#policy.died(nowMs, readyMs);
    const retryAt = new Date(nowMs + next.delayMs);
    if (next.kind === "rest") this.#reject(exhausted(error, next.deaths), retryAt);
    else this.#state = { state: "RESTARTING", attempt: next.attempt, retryAt, error: plain(error) };
    this.#timer = this.#options.clock.after(next.delayMs, () => void this.#restart());
    return next;
  }

  #tellDeath(error: GeodesicError, next: RestartDecision): void {
    this.#options.onNews?.({ kind: "died", error, next });
  }

  async #restart(): Promise<void> {
    await this.#burials;
    if (this.#closing !== undefined) return;
    if (this.#state.state === "FAILED") this.#ready = pendingClient();
    const { error } = this.#state as { readonly error: ErrorRecord };
    const attempt = this.#state.state === "RESTARTING" ? this.#state.attempt : 1;
    this.#state = { state: "RESTARTING", attempt, retryAt: null, error };
    this.#restarts++;
    this.#start();
  }

  /** Answers what is open on it, tells those who wait to hear of it, and waits for its end. */
  #bury(client: PortEngineClient, error: GeodesicError, then: () => void): void {
    client.lose(error);
    const burial = client[Symbol.asyncDispose]();
    this.#burials = Promise.all([this.#burials, burial]).then(() => {});
    for (const listener of this.#lostListeners) listener(error);
    then();
  }

  #giveUp(error: GeodesicError): void {
    this.#reject(error, null);
  }

  #reject(error: GeodesicError, retryAt: Date | null): void {
    this.#state = { state: "FAILED", error: plain(error), retryAt };
    this.#ready.reject(error);
  }

  #whyNone(): GeodesicError {
    const { state } = this.#state;
    if (state === "RESTARTING" || state === "FAILED") {
      const { message } = this.#state.error;
      return new DeviceLostError(state === "FAILED" ? message : `The engine is being restarted: ${message}`);
    }
    return new DeviceLostError("The engine is starting");
  }

  #marked(error: ErrorRecord): ErrorRecord {
    return { ...error, details: this.#markedDetails(error) };
  }

  /** Output of the process is for the operator; it does not travel with a request. */
  #markedDetails(
    { details: { output: _, ...details } }: Pick<ErrorRecord, "details">,
  ): Record<string, unknown> {
    const restarting = this.#closing === undefined && this.#state.state !== "FAILED";
    return restarting ? { ...details, [RESTARTING]: true } : details;
  }

  #nowMs(): number {
    return this.#options.clock.now().getTime();
  }
}

function pendingClient(): PromiseWithResolvers<PortEngineClient> {
  const pending = Promise.withResolvers<PortEngineClient>();
  pending.promise.catch(() => {}); // Nobody may be waiting.
  return pending;
}

function isLoss(error: unknown): error is GeodesicError {
  return error instanceof GeodesicError && error.code === "DEVICE_LOST";
}

function plain({ code, message }: GeodesicError): ErrorRecord {
  return { code, message, details: {} };
}

/** Clients read the message, so it has nothing of what the process printed: that may name files and users. */
function exhausted(error: GeodesicError, deaths: number): DeviceLostError {
  return new DeviceLostError(
    `The engine died ${deaths} times in a short time. ${error.message}`,
    { ...error.details, deaths },
    { cause: error },
  );
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
