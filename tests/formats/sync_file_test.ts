// What a merge's worker says when a parent's file is not there to be read any more.
import { expect } from "@std/expect";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { SyncFile } from "../../src/formats/sync_file.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("SyncFile.open() names a file that is gone, to read or to write", async () => {
  await using dir = await tempDir();
  const path = dir.join("gone");
  expect(() => SyncFile.open(path, "read")).toThrow(FormatError);
  expect(() => SyncFile.open(path, "read")).toThrow(`Cannot read "${path}": it is gone`);
  expect(() => SyncFile.open(path, "write")).toThrow(ConfigError);
});

Deno.test({
  name: "SyncFile.read() names the file and the place where the system fails to read",
  ignore: Deno.build.os === "windows", // which does not open folders
  async fn() {
    await using dir = await tempDir();
    using folder = SyncFile.open(dir.path, "read");
    expect(() => folder.read(0, new Uint8Array(4))).toThrow(FormatError);
    expect(() => folder.read(0, new Uint8Array(4))).toThrow(`Cannot read "${dir.path}" at byte 0: `);
  },
});

Deno.test("SyncFile reads and writes at any place, and tells where a file ends", async () => {
  await using dir = await tempDir();
  const path = dir.join("file");
  await Deno.writeFile(path, new Uint8Array(8));
  using out = SyncFile.open(path, "write");
  out.write(5, Uint8Array.of(1, 2));
  out.write(1, Uint8Array.of(3));
  using file = SyncFile.open(path, "read");
  const bytes = new Uint8Array(7);
  file.read(1, bytes);
  expect([...bytes]).toEqual([3, 0, 0, 0, 1, 2, 0]);
  expect(() => file.read(4, bytes)).toThrow(`Cannot read "${path}": it ends at byte 8, expected 11`);
});
