/** The pool against a model of it: counts, references, what the cache finds, what goes first, and what is refused. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { BlockPool } from "../../src/engine/block_pool.ts";
import { type PrefixKey, prefixKeys } from "../../src/engine/prefix.ts";
import type { BlockId } from "../../src/model/runner.ts";

const key = (name: string) => name as PrefixKey;

interface Model {
  readonly tables: BlockId[][];
  /** Key of every published block that may not have been forgotten. */
  readonly keys: Map<BlockId, PrefixKey>;
}

/** Everything that can be seen of the pool follows from the tables that are out and the keys given. */
function check(pool: BlockPool, { tables, keys }: Model): void {
  const out = new Set(tables.flat());
  expect(pool.used).toBe(out.size);
  expect(pool.free + pool.used + pool.cached).toBe(pool.total);
  expect(pool.available).toBe(pool.free + pool.cached);
  for (const table of tables) {
    const own = table.filter((block) => tables.filter((other) => other.includes(block)).length === 1);
    expect(pool.countOwn(table)).toBe(own.length);
  }
  for (const [block, name] of keys) {
    const { blocks, idle } = pool.lookup([name]);
    if (out.has(block)) expect([blocks, idle]).toEqual([[block], 0]);
    else if (blocks.length > 0) expect([blocks, idle]).toEqual([[block], 1]);
  }
}

class Take implements fc.Command<Model, BlockPool> {
  constructor(readonly count: number) {}
  check = () => true;
  run(model: Model, pool: BlockPool): void {
    if (this.count > pool.available) {
      expect(() => pool.take(this.count)).toThrow(/are available/);
    } else {
      const { free } = pool;
      const blocks = pool.take(this.count);
      expect(new Set([...blocks, ...model.tables.flat()]).size).toBe(
        blocks.length + new Set(model.tables.flat()).size,
      );
      // Cached blocks go only when nothing else is left.
      const evicted = blocks.filter((block) => model.keys.delete(block));
      expect(evicted.length).toBe(Math.max(0, this.count - free));
      model.tables.push(blocks);
    }
    check(pool, model);
  }
  toString = () => `take ${this.count}`;
}
class Release implements fc.Command<Model, BlockPool> {
  constructor(readonly pick: number) {}
  check = ({ tables }: Readonly<Model>) => tables.length > 0;
  run(model: Model, pool: BlockPool): void {
    pool.release(model.tables.splice(this.pick % model.tables.length, 1)[0]!);
    check(pool, model);
  }
  toString = () => `release ${this.pick}`;
}
class Publish implements fc.Command<Model, BlockPool> {
  constructor(readonly pick: number, readonly name: number) {}
  check = ({ tables }: Readonly<Model>) => tables.flat().length > 0;
  run(model: Model, pool: BlockPool): void {
    const blocks = model.tables.flat();
    const block = blocks[this.pick % blocks.length]!;
    const known = pool.lookup([key(`${this.name}`)]).blocks.length > 0 || model.keys.has(block);
    pool.publish(block, key(`${this.name}`));
    if (!known) model.keys.set(block, key(`${this.name}`));
    check(pool, model);
  }
  toString = () => `publish ${this.pick} as ${this.name}`;
}
class Forget implements fc.Command<Model, BlockPool> {
  constructor(readonly name: number) {}
  check = () => true;
  run(model: Model, pool: BlockPool): void {
    const [block] = pool.lookup([key(`${this.name}`)]).blocks;
    pool.forget([key(`${this.name}`)]);
    if (block !== undefined) model.keys.delete(block);
    expect(pool.lookup([key(`${this.name}`)]).blocks).toEqual([]);
    check(pool, model);
  }
  toString = () => `forget ${this.name}`;
}
class Share implements fc.Command<Model, BlockPool> {
  constructor(readonly names: readonly number[]) {}
  check = () => true;
  run(model: Model, pool: BlockPool): void {
    const { blocks } = pool.lookup(this.names.map((name) => key(`${name}`)));
    pool.share(blocks);
    model.tables.push([...blocks]);
    check(pool, model);
  }
  toString = () => `share ${this.names}`;
}

Deno.test("BlockPool: free + used + cached = total, references match the tables, the cache gives what it was given", () => {
  const commands = fc.commands([
    fc.nat(9).map((count) => new Take(count)),
    fc.nat(20).map((pick) => new Release(pick)),
    fc.tuple(fc.nat(40), fc.nat(12)).map(([pick, name]) => new Publish(pick, name)),
    fc.nat(12).map((name) => new Forget(name)),
    fc.uniqueArray(fc.nat(12), { maxLength: 3 }).map((names) => new Share(names)),
  ], { maxCommands: 60 });
  fc.assert(fc.property(fc.nat(30), commands, (total, script) => {
    fc.modelRun(() => ({ model: { tables: [], keys: new Map() }, real: new BlockPool(total) }), script);
  }));
});

Deno.test("BlockPool forgets what was released first, and of a prefix its end", () => {
  const pool = new BlockPool(4);
  const table = pool.take(3);
  for (const [index, block] of table.entries()) pool.publish(block, key(`k${index}`));
  pool.share(pool.lookup([key("k0")]).blocks); // Somebody else begins alike.
  pool.release(table);
  expect([pool.free, pool.cached, pool.used]).toEqual([1, 2, 1]);
  pool.take(2);
  expect(pool.lookup(["k0", "k1", "k2"].map(key)).blocks).toEqual(table.slice(0, 2));
  pool.take(1);
  expect(pool.lookup(["k0", "k1"].map(key))).toEqual({ blocks: table.slice(0, 1), idle: 0 });
});

Deno.test("BlockPool.forget() frees what is idle, and leaves to others what they use", () => {
  const pool = new BlockPool(4);
  const table = pool.take(3);
  for (const [index, block] of table.entries()) pool.publish(block, key(`k${index}`));
  pool.share(pool.lookup([key("k0")]).blocks);
  pool.release(table);
  pool.forget(["k0", "k1", "k9"].map(key));
  expect([pool.free, pool.cached, pool.used]).toEqual([2, 1, 1]);
  expect(pool.lookup(["k0"].map(key)).blocks).toEqual([]);
  pool.release(table.slice(0, 1));
  expect([pool.free, pool.cached, pool.used]).toEqual([3, 1, 0]);
});

Deno.test("BlockPool refuses to release, share or publish what it should not", () => {
  const pool = new BlockPool(4);
  const [block] = pool.take(1);
  expect(() => pool.share([block!])).toThrow("Cannot share block 0: it has no key");
  pool.release([block!]);
  expect(() => pool.release([block!])).toThrow("Cannot release block 0: it is not used");
  expect(() => pool.release([9 as BlockId])).toThrow("Cannot release block 9");
  expect(() => pool.publish(block!, key("k"))).toThrow("Cannot publish block 0: it is not used");
});

Deno.test("prefixKeys() names full blocks by all tokens up to their end", () => {
  const ids = (...tokens: number[]) => Uint32Array.from(tokens);
  const keys = prefixKeys(ids(1, 2, 3, 4, 5, 6, 7), 2);
  expect(keys.length).toBe(3);
  expect(new Set(keys).size).toBe(3);
  expect(prefixKeys(ids(1, 2, 3, 4, 9), 2)).toEqual(keys.slice(0, 2));
  expect(prefixKeys(ids(0, 1, 2, 3, 4).subarray(1), 2)).toEqual(keys.slice(0, 2));
  // The same block behind another one is another one.
  expect(prefixKeys(ids(1, 9, 3, 4), 2)[1]).not.toBe(keys[1]);
  expect(prefixKeys(ids(258, 0), 2)).not.toEqual(prefixKeys(ids(2, 1), 2));
  expect(prefixKeys(ids(1), 2)).toEqual([]);
  const salted = prefixKeys(ids(1, 2, 3, 4), 2, "alice");
  expect(prefixKeys(ids(1, 2, 3, 4), 2, "alice")).toEqual(salted);
  expect(prefixKeys(ids(1, 2, 3, 4), 2, "bob").filter((key) => salted.includes(key))).toEqual([]);
  expect(keys.filter((key) => salted.includes(key))).toEqual([]);
});
