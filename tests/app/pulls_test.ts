/** Pulls as they meet what is there already: folders of earlier pulls, other models' places, merges. */
import { expect } from "@std/expect";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { COMMIT, HubServer } from "../support/hub_server.ts";
import { configOf, PARENTS } from "../support/merge_api.ts";

const WEIGHTS = "model.safetensors";
const REPOSITORY = "pair/model";

interface Bench extends AsyncDisposable {
  readonly test: TestGateway;
  readonly server: HubServer;
  /** Of the model of this name. */
  readonly folder: string;
  pull(name?: string): Promise<void>;
  commitOf(name: string): Promise<string | undefined>;
}

async function bench(): Promise<Bench> {
  const server = await HubServer.of(HELPER_DIR);
  const test = await TestGateway.make({ hub: server.hub });
  return {
    test,
    server,
    folder: test.dir.join("models", "pair", "model"),
    async pull(name = REPOSITORY) {
      const { modelJobs } = test.gateway;
      const { id } = await modelJobs.pull(ADMIN, { repository: REPOSITORY, name });
      const events = await Array.fromAsync(modelJobs.events(id, {}));
      expect(events.at(-1)).toMatchObject({ kind: "finished" });
    },
    async commitOf(name) {
      return (await test.gateway.models.get({ name }))?.origin?.revision;
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function registerParents({ gateway, dir }: TestGateway): Promise<void> {
  for (const [index, name] of PARENTS.entries()) {
    const path = dir.join("parents", name);
    await writeCheckpoint(path, { seed: index + 1, ancestorSeed: 9 });
    await gateway.models.register(ADMIN, { path, name });
  }
}

Deno.test("a pull takes up the folder that an earlier one has left, and what the hub has by now", async () => {
  await using it = await bench();
  const { models } = it.test.gateway;
  await it.pull();
  await models.remove(ADMIN, { name: REPOSITORY }); // the folder stays
  await it.pull();
  expect(it.server.requestsFor(WEIGHTS).length).toBe(1);
  expect(await it.commitOf(REPOSITORY)).toBe(COMMIT);
  await models.remove(ADMIN, { name: REPOSITORY });
  it.server.commit = "c".repeat(40);
  it.server.files.set("README.md", new TextEncoder().encode("# Another card\n"));
  await it.pull();
  expect(await it.commitOf(REPOSITORY)).toBe("c".repeat(40));
  expect((await models.get({ name: REPOSITORY }))!.description).toBe("# Another card");
  expect(it.server.requestsFor(WEIGHTS).length).toBe(1); // those are the same
});

Deno.test("a pull brings back what a model has lost, and nothing else", async () => {
  await using it = await bench();
  await it.pull();
  await Deno.remove(`${it.folder}/${WEIGHTS}`);
  const asked = it.server.seen.length;
  await it.pull();
  expect(it.server.seen.slice(asked).filter(({ path }) => path.includes("/resolve/")).length).toBe(1);
  await it.test.gateway.models.load(ADMIN, { name: REPOSITORY });
});

Deno.test("a pulled merge has the identity and the provenance that it had where it was made", async () => {
  await using it = await bench();
  const { gateway } = it.test;
  await registerParents(it.test);
  const merge = await gateway.merges.start(ADMIN, { configYaml: configOf(), name: "me/merged" });
  await Array.fromAsync(gateway.merges.events(merge.id, {}));
  const made = (await gateway.models.get({ name: "me/merged" }))!;
  it.server.files.clear();
  for await (const { name } of Deno.readDir(it.test.dir.join("models", "me", "merged"))) {
    it.server.files.set(name, await Deno.readFile(it.test.dir.join("models", "me", "merged", name)));
  }
  expect([...it.server.files.keys()]).toContain("provenance.json");
  await it.pull();
  const pulled = (await gateway.models.get({ name: REPOSITORY }))!;
  expect([pulled.artifactId, pulled.mergeId]).toEqual([made.artifactId, made.mergeId]);
  const card = `${it.folder}/README.md`;
  await Deno.utime(card, 1, 1); // as a copy has it: hashed again
  await gateway.models.load(ADMIN, { name: REPOSITORY });
});

Deno.test("a pull and a merge do not bring a model of one name at once", async () => {
  await using it = await bench();
  const { modelJobs, merges } = it.test.gateway;
  await registerParents(it.test);
  it.server.fail(`/${WEIGHTS}`, { stallAfter: 1000 });
  const job = await modelJobs.pull(ADMIN, { repository: REPOSITORY });
  const refusedMerge = await failure(merges.start(ADMIN, { configYaml: configOf(), name: REPOSITORY }));
  expect([refusedMerge.code, refusedMerge.details["jobId"]]).toEqual(["CONFIG", job.id]);
  await modelJobs.cancel(ADMIN, job.id);
  const outcomes = await Promise.allSettled([
    merges.start(ADMIN, { configYaml: configOf(), name: REPOSITORY }),
    modelJobs.pull(ADMIN, { repository: REPOSITORY }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

Deno.test("a pull is refused a place in the library where another model lies", async () => {
  await using it = await bench();
  await it.pull();
  const { gateway } = it.test;
  await gateway.models.remove(ADMIN, { name: REPOSITORY });
  await gateway.models.register(ADMIN, { path: it.folder, name: "other" });
  const error = await failure(gateway.modelJobs.pull(ADMIN, { repository: REPOSITORY }));
  expect([error.code, error.details["model"]]).toEqual(["CONFIG", "other"]);
  await it.pull("third");
});
