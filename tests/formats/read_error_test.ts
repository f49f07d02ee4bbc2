import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { RangedFile } from "../../src/formats/ranged_file.ts";
import { toReadError } from "../../src/formats/read_error.ts";

Deno.test("toReadError() names the path that may not be read, and leaves the rest alone", () => {
  const error = toReadError(new Deno.errors.PermissionDenied("os error 13"), "/m/x");
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as Error).message).toBe('Cannot read "/m/x": permission denied');
  const other = new Deno.errors.NotFound("x");
  expect(toReadError(other, "/m/x")).toBe(other);
});

Deno.test({
  name: "openCheckpoint() and RangedFile say which path they may not read",
  permissions: { read: false },
  fn: async () => {
    const refused = { code: "CONFIG", message: expect.stringMatching(/^Cannot read "\/.*": not permitted/) };
    await expect(openCheckpoint("/m")).rejects.toMatchObject(refused);
    await expect(RangedFile.open("/m/model.safetensors")).rejects.toMatchObject(refused);
  },
});
