/** Somewhere to pull to, and a hub to pull from. */
import { pullModel, type PullOptions } from "../../src/hub/pull.ts";
import { writeCheckpoint } from "./checkpoint_generator.ts";
import { HubServer } from "./hub_server.ts";
import { type TempDir, tempDir } from "./temp.ts";

export interface HubBench extends AsyncDisposable {
  readonly dir: TempDir;
  readonly server: HubServer;
  readonly target: string;
  pull(options?: Partial<PullOptions>): ReturnType<typeof pullModel>;
}

/** A hub with a small checkpoint, and a place to pull it to. */
export async function hubBench(options: { readonly shardBytes?: number } = {}): Promise<HubBench> {
  const dir = await tempDir();
  await writeCheckpoint(dir.join("remote"), { seed: 3, config: { vocab_size: 2048 }, ...options });
  const server = await HubServer.of(dir.join("remote"));
  server.files.set("README.md", new TextEncoder().encode("---\nlicense: apache-2.0\n---\nA card\n"));
  const target = dir.join("models", "pair", "model");
  return {
    dir,
    server,
    target,
    pull: (options = {}) =>
      pullModel({
        ...{ hub: server.hub, repository: "pair/model", revision: "main", target },
        signal: new AbortController().signal,
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
