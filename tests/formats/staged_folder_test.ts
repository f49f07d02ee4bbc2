/** What a folder that appears whole or not at all leaves behind where even that cannot be removed. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { StagedFolder } from "../../src/formats/staged_folder.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("StagedFolder keeps the reason of a failure, and no lock, where it cannot remove what was written", async () => {
  await using dir = await tempDir();
  const [library, aside] = [dir.join("library"), dir.join("aside")];
  await Deno.mkdir(library);
  const fail = async () => {
    await using _folder = await StagedFolder.claim(`${library}/model`);
    await Deno.rename(library, aside);
    await Deno.writeTextFile(library, ""); // nothing below a file can be removed
    throw new CapacityError("No space left");
  };
  await expect(fail()).rejects.toThrow(new CapacityError("No space left"));
  await Deno.remove(library);
  await Deno.rename(aside, library);
  await using again = await StagedFolder.claim(`${library}/model`);
  expect(await again.list()).toEqual([]);
});
