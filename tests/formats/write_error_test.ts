import { expect } from "@std/expect";
import { CapacityError, ConfigError, FormatError } from "../../src/errors.ts";
import { requireFreeTarget } from "../../src/formats/staged_folder.ts";
import { toWriteError } from "../../src/formats/write_error.ts";
import { tempDir } from "../support/temp.ts";

const system = (code: string) => Object.assign(new Error(code), { code });

Deno.test("toWriteError() tells a refusal from a full disk, and leaves the rest alone", () => {
  for (const code of ["EACCES", "EROFS", "ENOTDIR", "ENOENT", "EBUSY"]) {
    const error = toWriteError(system(code), "/out");
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(/^Cannot write "\/out": ./);
  }
  expect(toWriteError(new Deno.errors.NotCapable("no"), "/out")).toBeInstanceOf(ConfigError);
  expect(toWriteError(system("ENOSPC"), "/out")).toBeInstanceOf(CapacityError);
  for (const other of [system("EIO"), new FormatError("x"), "text"]) {
    expect(toWriteError(other, "/out")).toBe(other);
  }
});

Deno.test("requireFreeTarget() refuses a mount point, whose place no folder can take", async () => {
  await using dir = await tempDir();
  await requireFreeTarget(dir.path);
  const { lstat } = Deno;
  try { // mounting takes rights that tests do not have
    Deno.lstat = async (path) => ({ ...await lstat(path), dev: -1 });
    await expect(requireFreeTarget(dir.path)).rejects.toThrow(
      `Cannot write "${dir.path}": it is a mount point`,
    );
  } finally {
    Deno.lstat = lstat;
  }
});
