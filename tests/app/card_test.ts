/** Cards of strangers, read for what can be used. */
import { expect } from "@std/expect";
import { parseCard } from "../../src/app/card.ts";
import { warningsOf } from "../support/warnings.ts";

Deno.test("parseCard() leaves stderr to errors, whatever a stranger's tags and keys are", async () => {
  const read = () => parseCard("---\nlicense: !own mit\n? [a]\n: 1\n---\nText");
  expect(await warningsOf(read)).toEqual([]);
  expect(read()).toMatchObject({ license: "mit", description: "Text" });
});
