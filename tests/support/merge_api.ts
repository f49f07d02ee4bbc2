/** A gateway with two small parents that may be merged, the real server over it, and an admin's key. */
import type { MergeTensor } from "../../src/app/types.ts";
import type { GatewayOptions } from "../../src/app/compose.ts";
import type { Model } from "../../src/app/types.ts";
import { type Answer, ApiServer, type Json } from "./api_server.ts";
import { writeCheckpoint } from "./checkpoint_generator.ts";
import { ADMIN, TestGateway } from "./gateway.ts";

export const PARENTS = ["pair/left", "pair/right"] as const;

/** A configuration over these two names, the first of them the base. */
export function configOf(left: string = PARENTS[0], right: string = PARENTS[1]): string {
  return JSON.stringify({ // YAML holds JSON, which quotes whatever a name consists of
    slices: [{ sources: [left, right].map((model) => ({ model, layer_range: [0, 2] })) }],
    merge_method: "slerp",
    base_model: left,
    parameters: {
      t: [{ filter: "self_attn", value: [0, 1] }, { filter: "mlp", value: 0.25 }, { value: 0.5 }],
    },
    dtype: "bfloat16",
  });
}

export const EVENT = `__typename seq mergeId at
  ... on MergeQueued { position }
  ... on MergeProgress { stage doneTensors totalTensors doneBytes totalBytes bytesPerSecond secondsLeft }
  ... on MergeFinished { artifactSha256 model { name } }
  ... on MergeFailed { code message }`;
const START = `mutation ($input: StartMergeInput!) { startMerge(input: $input) {
  __typename ... on Error { code message }
  ... on StartMergePayload { merge { id name status position } } } }`;

export class MergeApi implements AsyncDisposable {
  readonly test: TestGateway;
  #api: ApiServer;
  readonly key: string;

  private constructor(test: TestGateway, key: string) {
    this.test = test;
    this.key = key;
    this.#api = new ApiServer(test.gateway);
  }

  /** `modelDirs` are taken from within the gateway's folder. */
  static async make(options: Pick<GatewayOptions, "modelDirs"> = {}): Promise<MergeApi> {
    const test = await TestGateway.make(options);
    for (const [index, name] of PARENTS.entries()) {
      const path = test.dir.join("parents", name);
      await writeCheckpoint(path, { seed: index + 1, ancestorSeed: 9 });
      await test.gateway.models.register(ADMIN, { path, name });
    }
    const { secret } = await test.gateway.access.createKey(ADMIN, { role: "ADMIN", label: "admin" });
    return new MergeApi(test, secret);
  }

  get api(): ApiServer {
    return this.#api;
  }

  query(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    return this.#api.query(query, variables, this.key);
  }

  /** What `startMerge` answers. */
  async start(name: string, configYaml = configOf(), key = this.key): Promise<Json> {
    const { body } = await this.#api.query(START, { input: { configYaml, name } }, key);
    if (body.errors) throw new Error(JSON.stringify(body.errors));
    return body.data.startMerge;
  }

  /** Every event after a cursor, to the end. */
  async events(id: string, afterSeq = 0): Promise<Json[]> {
    const query =
      `subscription ($id: ID!, $after: Int) { mergeEvents(id: $id, afterSeq: $after) { ${EVENT} } }`;
    const events: Json[] = [];
    for await (const result of this.#api.subscribe(query, { id, after: afterSeq }, { key: this.key })) {
      if (result.errors) throw new Error(JSON.stringify(result.errors));
      events.push(result.data.mergeEvents);
    }
    return events;
  }

  /** A merge that runs, and holds the queue up, until it is released. */
  async occupy(): Promise<{ readonly release: () => void; readonly done: Promise<Model> }> {
    const running = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    const done = this.test.gateway.runMerge(ADMIN, {
      config: configOf(),
      configName: "held up",
      name: "pair/held-up",
      resolve: async (name) => {
        if (++asked > PARENTS.length) { // the first round only plans
          running.resolve();
          await gate.promise;
        }
        return this.test.dir.join("parents", name);
      },
    });
    done.catch(() => {});
    await running.promise;
    return { release: () => gate.resolve(), done };
  }

  /** As a stop and a start of the program. What runs is told to end before this returns its promise. */
  async restart(): Promise<void> {
    const closed = this.test.close();
    await this.#api[Symbol.asyncDispose]();
    await closed;
    await this.test.open();
    this.#api = new ApiServer(this.test.gateway);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#api[Symbol.asyncDispose]();
    await this.test[Symbol.asyncDispose]();
  }
}

export type TensorKey = "name" | "layer" | "t" | "cosine";

/** As the API sorts: tensors without the value last, the plan's order among equals. */
export function sortTensors(
  tensors: readonly MergeTensor[],
  key: TensorKey,
  direction: "ASC" | "DESC",
): readonly MergeTensor[] {
  const sign = direction === "ASC" ? 1 : -1;
  return tensors.toSorted((a, b) => {
    const [x, y] = [a[key], b[key]];
    if (x === y) return 0;
    if (x === null || y === null) return x === null ? 1 : -1;
    return x < y ? -sign : sign;
  });
}
