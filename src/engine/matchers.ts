/**
 * Grammars for the models of an engine: reads a model's tokens when a request first wants them, and keeps the threads that
 * compile for them until the model goes. Hears the commands that pass by, which say where models lie.
 */
import { ConstraintService } from "../constraint/service.ts";
import type { TokenMatcher } from "../constraint/service.ts";
import { readTokens } from "../constraint/token_table.ts";
import { NotFoundError } from "../errors.ts";
import type { MatcherRequest } from "./constraints.ts";
import type { EngineCommand } from "./protocol.ts";

interface Source {
  readonly path: string;
  /** By the ids that end an output: as a rule one. */
  readonly services: Map<string, Promise<ConstraintService>>;
}

export class ModelMatchers {
  readonly #sources = new Map<string, Source>();

  note(command: EngineCommand): void {
    if (command.type === "unload") this.#drop(command.modelKey);
    if (command.type === "close") { for (const modelKey of [...this.#sources.keys()]) this.#drop(modelKey); }
    if (command.type !== "load" || this.#sources.has(command.modelKey)) return;
    this.#sources.set(command.modelKey, { path: command.path, services: new Map() });
  }

  async open(request: MatcherRequest): Promise<TokenMatcher> {
    const { modelKey, constraint, eosTokenIds } = request;
    const source = this.#sources.get(modelKey);
    if (source === undefined) throw new NotFoundError(`Model "${modelKey}" is not loaded`, { modelKey });
    const key = eosTokenIds.join();
    const service = source.services.get(key) ?? start(source.path, request);
    source.services.set(key, service);
    service.catch(() => source.services.delete(key));
    return await (await service).open(constraint);
  }

  #drop(modelKey: string): void {
    const source = this.#sources.get(modelKey);
    this.#sources.delete(modelKey);
    for (const service of source?.services.values() ?? []) {
      service.then((ready) => ready[Symbol.dispose](), () => {});
    }
  }
}

async function start(path: string, { eosTokenIds, vocabSize }: MatcherRequest): Promise<ConstraintService> {
  return new ConstraintService({ tokens: await readTokens(path), vocabSize, stopTokenIds: eosTokenIds });
}
