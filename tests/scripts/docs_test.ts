/** The README and the pages in docs: every link leads somewhere, and the layers are those that are checked. */
import { expect } from "@std/expect";
import { LAYERS } from "../../scripts/layers.ts";

const ROOT = new URL("../../", import.meta.url);

async function pages(): Promise<string[]> {
  const docs = await Array.fromAsync(Deno.readDir(new URL("docs/", ROOT)));
  return ["README.md", ...docs.map(({ name }) => `docs/${name}`).filter((path) => path.endsWith(".md"))];
}

/** A heading's anchor as code hosts make it: lower case, spaces to hyphens, other punctuation dropped. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
}

async function anchorsOf(file: URL): Promise<string[]> {
  const text = (await Deno.readTextFile(file)).replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
}

Deno.test("every link of the README and of the pages in docs leads to a file, and to a heading in it", async () => {
  const broken: string[] = [];
  let links = 0;
  for (const page of await pages()) {
    const from = new URL(page, ROOT);
    for (const [, target] of (await Deno.readTextFile(from)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target!.startsWith("https://")) continue;
      links++;
      const to = new URL(target!, from);
      const anchor = to.hash.slice(1);
      to.hash = "";
      const found = await Deno.stat(to).then(() => true, () => false);
      if (!found || anchor !== "" && !(await anchorsOf(to)).includes(anchor)) {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  expect(broken).toEqual([]);
  expect(links).toBeGreaterThan(20);
});

Deno.test("the README lists the layers in the order that is checked", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const list = /in this list[^:]*:\n([\s\S]*?)\.\n\n/.exec(readme)?.[1] ?? "";
  expect([...list.matchAll(/`([^`]+)`/g)].map(([, layer]) => layer)).toEqual([...LAYERS]);
});
