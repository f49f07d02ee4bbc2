/** Pulls as they meet what is there already: folders of earlier pulls, other models' places, merges. */
import { expect } from "@std/expect";
import { tidyLeftovers } from "../../src/app/jobs/leftovers.ts";
import { StagedFolder } from "../../src/formats/staged_folder.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER_DIR, TestGateway } from "../support/gateway.ts";
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

Deno.test("what pulls have left goes when it is given up, old or too much, and never while it is needed", async () => {
  await using it = await bench();
  const { test, server } = it;
  const { modelJobs, models } = test.gateway;
  const leave = async (name: string) => {
    server.fail(`/${WEIGHTS}`, { stallAfter: 100_000 });
    const before = server.requestsFor(WEIGHTS).length;
    const { id } = await modelJobs.pull(ADMIN, { repository: REPOSITORY, name });
    while (server.requestsFor(WEIGHTS).length === before) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return id;
  };
  const staging = (name: string) => test.dir.join("models", name.replace(/([^/]+)$/, ".$1.pull"));
  const isThere = async (name: string) => await Deno.stat(staging(name)).then(() => true, () => false);
  const age = async (name: string, days: number) => {
    const at = new Date(test.clock.now().getTime() - days * 86_400_000);
    for await (const file of Deno.readDir(staging(name))) {
      await Deno.utime(`${staging(name)}/${file.name}`, at, at);
    }
    await Deno.utime(staging(name), at, at);
  };
  // Given up by hand, with the cancel or afterwards.
  const first = await leave("me/first");
  await modelJobs.cancel(ADMIN, first, { discard: true });
  expect(await Array.fromAsync(Deno.readDir(test.dir.join("models")))).toEqual([]);
  const second = await leave("second");
  await modelJobs.cancel(ADMIN, second);
  expect(await isThere("second")).toBe(true);
  expect((await failure(modelJobs.cancel(ALICE, second, { discard: true }))).code).toBe("FORBIDDEN");
  const given = await Promise.all([1, 2].map(() => modelJobs.cancel(ADMIN, second, { discard: true })));
  expect(given.map(({ status }) => status)).toEqual(["CANCELLED", "CANCELLED"]);
  const acts = await test.db.selectFrom("audit_entries").select("details").where("target", "=", second)
    .where("action", "=", "modelJob.cancel").orderBy("seq").execute();
  expect(acts.map(({ details }) => JSON.parse(details))).toEqual([{}, { discard: true }, { discard: true }]);
  expect(await isThere("second")).toBe(false);
  // Not for another pull, which has only begun to ask the hub.
  const givenUp = await leave("me/again");
  await modelJobs.cancel(ADMIN, givenUp);
  server.fail("/revision/main", { respond: () => new Response(new ReadableStream()) });
  const again = await modelJobs.pull(ADMIN, { repository: REPOSITORY, name: "me/again" });
  expect(again.id).not.toBe(givenUp);
  await modelJobs.cancel(ADMIN, givenUp, { discard: true });
  expect(await isThere("me/again")).toBe(true);
  await modelJobs.cancel(ADMIN, again.id, { discard: true });
  expect(await isThere("me/again")).toBe(false);
  // By itself, a week after it was touched last.
  await modelJobs.cancel(ADMIN, await leave("me/old"));
  await modelJobs.cancel(ADMIN, await leave("me/young"));
  await age("me/old", 8);
  await age("me/young", 6);
  await it.pull("me/broken");
  await Deno.remove(test.dir.join("models", "me", "broken", WEIGHTS));
  await modelJobs.cancel(ADMIN, await leave("me/broken")); // what there is of the model lies in there now
  await age("me/broken", 30);
  await leave("me/running");
  await age("me/running", 30);
  await Deno.mkdir(test.dir.join("models", ".removed-half"));
  const elsewhere = await StagedFolder.claim(test.dir.join("models", "me", "elsewhere"), "pull");
  await age("me/elsewhere", 30); // as the command line would hold it
  const lines: unknown[] = [];
  const log = (...line: unknown[]) => void lines.push(line);
  const tidy = (maxBytes?: number) =>
    tidyLeftovers({ db: test.db, clock: test.clock, dataDir: test.dir.path, log }, {
      ...maxBytes && { maxBytes },
    });
  const lock = `${staging("me/stuck")}.lock`;
  for (const path of [staging("me/stuck"), lock]) await Deno.mkdir(path);
  await age("me/stuck", 7.5);
  await expect(tidy()).rejects.toThrow(/stuck/);
  expect(await Promise.all(["me/old", "me/young", "me/broken", "me/running", "me/elsewhere"].map(isThere)))
    .toEqual([false, true, true, true, true]);
  for (const path of [staging("me/stuck"), lock]) await Deno.remove(path);
  await elsewhere[Symbol.asyncDispose]();
  expect(lines).toEqual([[
    "info",
    expect.stringContaining("unfinished pull"),
    { name: "me/old", bytes: expect.any(Number), reason: "old" },
  ]]);
  expect(await Deno.lstat(test.dir.join("models", ".removed-half")).catch(() => null)).toBeNull();
  // And what is too much, but for the latest.
  await modelJobs.cancel(ADMIN, await leave("me/latest"));
  await tidy(1);
  expect(await Promise.all(["me/latest", "me/young", "me/broken", "me/running"].map(isThere)))
    .toEqual([true, false, true, true]);
  // With the model, if its files are to go.
  await models.remove(ADMIN, { name: "me/broken" }, { deleteFiles: true });
  expect(await isThere("me/broken")).toBe(false);
});

Deno.test("what pulls have left is looked after at every start, and every hour", async () => {
  await using it = await bench();
  const { test, server } = it;
  const path = test.dir.join("models", "pair", ".model.pull");
  const begin = async () => {
    server.fail(`/${WEIGHTS}`, { stallAfter: 100_000 });
    const before = server.requestsFor(WEIGHTS).length;
    const { id } = await test.gateway.modelJobs.pull(ADMIN, { repository: REPOSITORY });
    while (server.requestsFor(WEIGHTS).length === before) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    while ((await Deno.stat(`${path}/${WEIGHTS}`)).size === 0) {
      await new Promise((done) => setTimeout(done, 5));
    }
    return id;
  };
  const age = async () => {
    for (const name of [".", ...(await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name)]) {
      await Deno.utime(`${path}/${name}`, 1, 1);
    }
  };
  const isThere = async () => await Deno.stat(path).then(() => true, () => false);
  await test.gateway.modelJobs.cancel(ADMIN, await begin());
  await age();
  await test.reopen();
  expect(await isThere()).toBe(false);
  await test.gateway.modelJobs.cancel(ADMIN, await begin());
  await age();
  test.clock.advance(3_600_000);
  while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
  // What the start goes on with is no leftover.
  const id = await begin();
  await test.close();
  await age();
  await test.open();
  expect((await Array.fromAsync(test.gateway.modelJobs.events(id, {}))).at(-1)?.kind).toBe("finished");
  expect(server.requestsFor(WEIGHTS).at(-1)!.range).not.toBeNull();
});
