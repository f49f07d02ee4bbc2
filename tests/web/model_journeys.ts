/** Where a model comes from, and how others come to be. */
import { expect } from "@std/expect";
import { clipboardOf, newPage } from "../support/browser.ts";
import { forgive, type Journey, MERGED, shows } from "./journey.ts";

/** Everything in it tries to run; what may stay is text, and links that lead where they say. */
export const HOSTILE_CARD = `---
license: apache-2.0
---
# Card <img src="/assets/none.png" onerror="globalThis.broken = 1">

<script>globalThis.broken = 2</script>
<svg onload="globalThis.broken = 3"><a href="javascript:globalThis.broken = 4">in a drawing</a></svg>
<iframe srcdoc="<script>parent.broken = 5</script>"></iframe><style>body { display: none }</style>
<form action="/graphql"><input name="documentId"><button>Send</button></form>

[a script](javascript:globalThis.broken=6) [data](data:text/html,<script>broken=7</script>) [fine](https://example.org/)

<math><mtext><table><mglyph><style><img src=x onerror="globalThis.broken = 8">
`;

export const modelJourneys: readonly Journey[] = [
  {
    name: "from the list of models to where one comes from, and on to its parent",
    run: async ({ page }) => {
      await page.goto("/");
      await page.getByRole("link", { name: MERGED }).first().click();
      await page.getByRole("heading", { name: "demo-slerp", level: 1 }).waitFor();
      await shows(page, ".chips", /Residency\s*Warm[\s\S]*MistralForCausalLM/);
      await page.locator(".prose").waitFor();
      await page.locator(".lineage a", { hasText: "demo-storyteller" }).click();
      await page.getByRole("heading", { name: "demo-storyteller", level: 1 }).waitFor();
      expect(new URL(page.url()).pathname).toBe("/models/geodesic/demo-storyteller");
      expect(await page.title()).toContain("demo-storyteller");
    },
  },
  {
    name: "a t curve is read with the keys and with the pointer; a hash and a command are copied whole",
    run: async ({ page }, { gateway }) => {
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: gateway.url });
      await page.goto(`/models/${MERGED}`);
      const { data } = await gateway.query<
        { model: { provenance: { curves: { filter: string; t: number[] }[] } } }
      >(`{ model(ref: { name: "${MERGED}" }) { provenance { curves { filter t } } } }`, {}, gateway.adminKey);
      const t = (filter: string, layer: number) =>
        data!.model.provenance.curves.find((curve) => curve.filter === filter)!.t[layer]!.toFixed(4);
      const plot = page.locator(".curves > svg");
      await plot.focus();
      for (let layer = 0; layer < 2; layer++) await page.keyboard.press("ArrowRight");
      await shows(page, ".curves .reading", `Layer 2, MLP: t = ${t("mlp", 2)}`);
      await page.keyboard.press("ArrowDown");
      await shows(page, ".curves .reading", `Layer 2, self-attention: t = ${t("self_attn", 2)}`);
      await shows(page, ".curves .reading", /self_attn\.q_proj\s*\d+\.\d{3}°\s*SLERP/);
      await plot.locator("circle.point.s0").nth(5).hover();
      await shows(page, ".curves .reading", `Layer 5, MLP: t = ${t("mlp", 5)}`);
      await page.locator(".cell").nth(9).hover();
      await shows(page, ".heat .reading", /Layer 1, mlp\.down_proj\s*[\d.]+°\s*\(cosine 0\.\d+\), SLERP/);

      await page.getByLabel("Name contains").fill("layers.3.self_attn.q_proj");
      await page.locator(".tensors tbody tr").nth(1).waitFor({ state: "detached" });
      await page.locator(".tensors .hash button").click();
      await shows(page, ".tensors .hash", "Copied");
      expect(await clipboardOf(page)).toMatch(/^[0-9a-f]{64}$/);
      await page.getByRole("button", { name: "Copy the command that reproduces it" }).click();
      await shows(page, ".code-actions", "Copied");
      expect(await clipboardOf(page)).toMatch(/deno task -q geodesic merge merge\.yml/);
    },
  },
  {
    name: "a merge is planned, started, watched from elsewhere, and its result verified",
    withKey: true,
    run: async ({ page }, { gateway, browser }) => {
      const other = await newPage(browser, gateway.url);
      await other.page.goto("/");
      await other.page.locator(".card").nth(2).waitFor();
      await page.goto("/admin/merges");
      await page.getByLabel("Name of the result").fill("test/first");
      await page.getByRole("button", { name: "Preview the plan" }).click();
      await shows(page, ".plan", "75");
      await page.getByRole("button", { name: "Merge", exact: true }).click();
      await other.page.getByText("Merged and registered").waitFor();
      await shows(other.page, ".card", "test/first");
      expect(other.faults).toEqual([]);
      await other.page.context().close();
      await page.locator(".merge", { hasText: "test/first" }).getByText("Succeeded").waitFor();
      await page.getByRole("link", { name: "test/first" }).first().click();
      await page.locator(".lineage").waitFor();
      await page.getByRole("button", { name: "Verify", exact: true }).click();
      await page.getByText("It is what its record says.").waitFor();
      await shows(page, ".verification", /75 of 75 merged again/);
    },
  },
  {
    name: "a model is pulled, and its card can do nothing but be read",
    withKey: true,
    run: async (watched, { hub }) => {
      const { page } = watched;
      await page.goto("/admin/models");
      await page.getByLabel("Repository").fill("<b>nobody</b>");
      await page.getByRole("button", { name: "Pull", exact: true }).click();
      await page.getByRole("alert").filter({ hasText: "<b>nobody</b>" }).waitFor();
      await page.getByLabel("Repository").fill(hub.name);
      await page.getByRole("button", { name: "Pull", exact: true }).click();
      await page.locator(".merge", { hasText: hub.name }).getByText("Succeeded").waitFor();
      await page.getByRole("link", { name: hub.name }).first().click();
      await shows(page, ".chips", new RegExp(`${hub.name}@${hub.commit.slice(0, 8)}`));
      await shows(page, ".prose h1", "Card");
      const unsafe =
        "script, style, img, svg, math, iframe, form, input, button, [onerror], [onload], [style]";
      expect(await page.locator(".prose").locator(unsafe).count()).toBe(0);
      const links = await page.locator(".prose a").evaluateAll((all) =>
        all.map((each) => [each.textContent, each.getAttribute("href"), each.getAttribute("rel")])
      );
      expect(links.filter(([, href]) => href !== null)).toEqual([
        ["fine", "https://example.org/", "noopener noreferrer nofollow"],
      ]);
      expect(await page.evaluate(() => (globalThis as { broken?: number }).broken)).toBeUndefined();
      // What no purifier has seen does not become HTML, whoever tries.
      await expect(page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b>x</b>')")).rejects
        .toThrow(/TrustedHTML/);
      // Said of what the purifier takes apart, and of the last line but one.
      forgive(watched, /^console: (Executing|Applying) inline .* has been blocked|TrustedHTML/);
    },
  },
];
