/**
 * What people do in the console, in a real Chromium against a real gateway: where a model comes from, a merge that is
 * watched, a conversation that survives a reload, defaults that the next answer gets. One gateway and one browser serve
 * all steps. After each of them nothing may have left the origin, broken the policy, or stood on the console.
 */
import axe from "axe-core";
import { expect } from "@std/expect";
import type { Page } from "playwright-core";
import {
  accessibilityProblems,
  clipboardOf,
  hasBrowser,
  launchBrowser,
  newPage,
  overflowOf,
  type WatchedPage,
} from "../support/browser.ts";
import { GatewayProcess } from "../support/gateway_process.ts";
import { hasDevice } from "../gpu/device.ts";

const MERGED = "geodesic/demo-slerp";
const text = async (page: Page, selector: string) =>
  (await page.locator(selector).first().innerText()).trim();

/** Takes out the faults that the journey means to cause. */
function forgive(faults: readonly string[], what: string): void {
  (faults as string[]).splice(0, Infinity, ...faults.filter((fault) => !fault.includes(what)));
}

/** Sets a field of the sampling panel. */
async function set(page: Page, name: string, value: string): Promise<void> {
  await page.locator(`#play-${name}`).fill(value);
}

/** Asks, and resolves when the answer has begun. */
async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill("#prompt", prompt);
  await page.keyboard.press("Enter");
  await page.locator(".answer .token").nth(3).waitFor();
}

Deno.test({
  name: "the console: journeys",
  ignore: !hasDevice || !hasBrowser,
  fn: async (t) => {
    // Only the operations that the console was built with; what the test itself asks, it asks as an admin.
    await using gateway = await GatewayProcess.start({
      args: ["--persisted-only", "--introspection", "off"],
    });
    const browser = await launchBrowser();
    const origin = gateway.url;
    const { adminKey } = gateway;

    const step = (
      name: string,
      journey: (watched: WatchedPage) => Promise<void>,
      options: Parameters<typeof newPage>[2] = {},
    ) =>
      t.step(name, async () => {
        const watched = await newPage(browser, origin, options);
        try {
          await journey(watched);
          expect(watched.faults).toEqual([]);
        } finally {
          await watched.page.context().close();
        }
      });

    try {
      await step(
        "from the list of models to where one comes from, and on to its parent",
        async ({ page }) => {
          await page.goto("/");
          await page.getByRole("link", { name: MERGED }).first().click();
          await page.getByRole("heading", { name: "demo-slerp", level: 1 }).waitFor();
          expect(await text(page, ".chips")).toMatch(/Residency\s+Warm[\s\S]*MistralForCausalLM/);
          await page.locator(".prose").waitFor();
          await page.locator(".lineage a", { hasText: "demo-storyteller" }).click();
          await page.getByRole("heading", { name: "demo-storyteller" }).waitFor();
          expect(new URL(page.url()).pathname).toBe("/models/geodesic/demo-storyteller");
        },
      );

      await step("a t curve is read with the keys and with the pointer", async ({ page }) => {
        await page.goto(`/models/${MERGED}`);
        const { data } = await gateway.query<
          { model: { provenance: { curves: { filter: string; t: number[] }[] } } }
        >(
          `{ model(ref: { name: "${MERGED}" }) { provenance { curves { filter t } } } }`,
          {},
          adminKey,
        );
        const t = (filter: string, layer: number) =>
          data!.model.provenance.curves.find((curve) => curve.filter === filter)!.t[layer]!.toFixed(4);
        const plot = page.locator(".curves > svg");
        await plot.focus();
        for (let layer = 0; layer < 2; layer++) await page.keyboard.press("ArrowRight");
        expect(await text(page, ".curves .reading")).toContain(`Layer 2, MLP: t = ${t("mlp", 2)}`);
        await page.keyboard.press("ArrowDown");
        const reading = await text(page, ".curves .reading");
        expect(reading).toContain(`Layer 2, self-attention: t = ${t("self_attn", 2)}`);
        expect(reading).toMatch(/self_attn\.q_proj \d+\.\d{3}° SLERP/);
        await plot.locator("circle.point.s0").nth(5).hover();
        expect(await text(page, ".curves .reading")).toContain(`Layer 5, MLP: t = ${t("mlp", 5)}`);
        await page.locator(".cell").nth(9).hover();
        expect(await text(page, ".heat .reading")).toMatch(
          /Layer 1, mlp\.down_proj [\d.]+° \(cosine 0\.\d+\), SLERP/,
        );
      });

      await step("tensors are filtered, and a hash is copied whole", async ({ page }) => {
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin });
        await page.goto(`/models/${MERGED}`);
        await page.getByLabel("Name contains").fill("layers.3.self_attn.q_proj");
        await page.locator(".tensors tbody tr").nth(1).waitFor({ state: "detached" });
        await page.locator(".tensors .hash button").click();
        await page.locator(".tensors .hash", { hasText: "Copied" }).waitFor();
        expect(await clipboardOf(page)).toMatch(/^[0-9a-f]{64}$/);
        await page.getByRole("button", { name: "Copy the command that reproduces it" }).click();
        await page.locator(".code-actions", { hasText: "Copied" }).waitFor();
        expect(await clipboardOf(page)).toMatch(
          /deno task geodesic merge merge\.yml/,
        );
      });

      await t.step("a wrong key is refused in so many words, and not kept", async () => {
        const { page } = await newPage(browser, origin);
        await page.goto("/admin/keys");
        await page.getByLabel("API key").fill(`gsk_${"0".repeat(12)}_${"0".repeat(48)}`);
        await page.getByRole("button", { name: "Use this key" }).click();
        await page.getByRole("alert").filter({ hasText: "does not accept this key" }).waitFor();
        expect(await page.evaluate(() => sessionStorage.getItem("geodesic.key"))).toBeNull();
        await page.getByLabel("API key").fill(adminKey);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "New key" }).waitFor();
        expect(await page.evaluate(() => localStorage.length)).toBe(0);
        await page.context().close();
      });

      await step("a merge is started, watched from elsewhere, and its result appears", async ({ page }) => {
        const other = await newPage(browser, origin);
        await other.page.goto("/");
        await other.page.locator(".card").nth(2).waitFor();
        await page.goto("/admin/merges");
        await page.getByLabel("Name of the result").fill("test/first");
        await page.getByRole("button", { name: "Preview the plan" }).click();
        await page.locator(".plan", { hasText: "75" }).waitFor();
        await page.getByRole("button", { name: "Merge", exact: true }).click();
        await other.page.getByText("Merged and registered").waitFor();
        await other.page.locator(".card", { hasText: "test/first" }).waitFor();
        expect(other.faults).toEqual([]);
        await other.page.context().close();
        await page.locator(".merge", { hasText: "test/first" }).getByText("Succeeded").waitFor();
        await page.getByRole("link", { name: "test/first" }).click();
        await page.locator(".lineage").waitFor();
        await page.getByRole("button", { name: "Verify", exact: true }).click();
        await page.getByText("It is what its record says.").waitFor();
        expect(await text(page, ".verification")).toMatch(/75 of 75 merged again/);
      }, { key: adminKey });

      await step(
        "an answer streams, its alternatives are read, and it is asked for again in a branch",
        async ({ page }) => {
          await page.goto(`/play?model=${encodeURIComponent(MERGED)}`);
          await set(page, "maxTokens", "12");
          await ask(page, "Tell me a story.");
          await page.locator(".answer .usage").waitFor();
          await page.locator(".answer .text").focus();
          await page.keyboard.press("ArrowRight");
          expect(await text(page, ".alternatives .taken")).toMatch(/\d+\.\d %/);
          expect(await page.locator(".alternatives li").count()).toBeGreaterThan(3);
          await page.getByText("The GraphQL behind this").click();
          expect(await text(page, ".behind pre")).toMatch(/mutation StartGeneration[\s\S]*"maxTokens": 12/);
          await page.getByRole("button", { name: "Regenerate" }).click();
          await page.getByText("2 of 2").waitFor();
          await page.getByRole("button", { name: "Branch before" }).click();
          await page.getByText("1 of 2").waitFor();
        },
      );

      await step("a page that is loaded anew in mid-stream goes on where it was", async ({ page }) => {
        const cursors: number[] = [];
        page.on("request", (request) => {
          const body = request.postDataJSON() as
            | { operationName?: string; variables?: { afterSeq?: number } }
            | null;
          if (body?.operationName === "WatchGeneration") cursors.push(body.variables!.afterSeq!);
        });
        await page.goto(`/play?model=${encodeURIComponent(MERGED)}`);
        await page.locator("#play-ignoreEos").check();
        await set(page, "maxTokens", "60");
        await ask(page, "Tell me a story.");
        const before = await text(page, ".answer .text");
        await page.reload();
        await page.locator(".answer .usage", { hasText: "60 tokens" }).waitFor();
        const shown = await page.locator(".answer .token").allInnerTexts();
        expect(cursors.length).toBe(2);
        expect(cursors[1]).toBeGreaterThan(0);
        const id = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1)!);
        const { data } = await gateway.query<
          { session: { messages: { edges: { node: { content: string } }[] } } }
        >(
          "query ($id: ID!) { session(id: $id) { messages(first: 5) { edges { node { content } } } } }",
          { id },
          adminKey,
        );
        const whole = data!.session.messages.edges[1]!.node.content;
        expect(whole.startsWith(before.slice(0, 10))).toBe(true);
        expect((await page.locator(".answer .text").evaluate((node) => node.textContent))?.trim()).toBe(
          whole.trim(),
        );
        expect(shown.length).toBeGreaterThan(30);
      });

      await step("an answer is stopped", async ({ page }) => {
        await page.goto(`/play?model=${encodeURIComponent(MERGED)}`);
        await page.locator("#play-ignoreEos").check();
        await set(page, "maxTokens", "800");
        await ask(page, "Tell me a story.");
        await page.getByRole("button", { name: "Stop" }).click();
        await page.locator(".usage", { hasText: "stopped" }).waitFor();
        await page.getByRole("button", { name: "Send" }).waitFor();
      });

      await step("two models answer one prompt side by side", async ({ page }) => {
        await page.goto(`/play?model=${encodeURIComponent(MERGED)}&with=geodesic%2Fdemo-helper`);
        await set(page, "maxTokens", "8");
        await page.fill("#prompt", "What is the capital of France?");
        await page.keyboard.press("Enter");
        await page.locator(".compare-answers .usage").nth(1).waitFor();
        expect(await page.locator(".compare-answers .token").count()).toBeGreaterThan(4);
      });

      await step("a default is changed, the next answer has it, and it is taken back", async ({ page }) => {
        await page.goto("/admin");
        await page.locator("#defaults-maxTokens").fill("5");
        await page.getByLabel("Reason").fill("Short answers");
        await page.getByRole("button", { name: "Put 1 in force" }).click();
        await page.locator(".history li", { hasText: "Short answers" }).waitFor();
        expect(await text(page, ".diff tbody tr")).toMatch(/Most tokens\s+not set\s+5/);
        await page.goto(`/play?model=${encodeURIComponent(MERGED)}`);
        await page.locator(".parameter", { hasText: "Most tokens" }).getByText("5 · gateway").waitFor();
        await ask(page, "Tell me a story.");
        await page.locator(".answer .usage", { hasText: "5 tokens" }).waitFor();
        await page.goto("/admin");
        await page.getByRole("button", { name: "Remove all that is set here" }).click();
        await page.locator(".history li").nth(1).waitFor();
      }, { key: adminKey });

      await step(
        "a gateway that is away is told of, and the page comes back by itself",
        async ({ page, faults }) => {
          await page.goto("/");
          await page.locator(".card").first().waitFor();
          await page.context().setOffline(true);
          await page.getByText("The gateway does not answer").waitFor();
          await page.context().setOffline(false);
          await page.getByText("The gateway does not answer").waitFor({ state: "detached" });
          // What Chromium itself says of requests without a network.
          forgive(faults, "net::ERR_");
        },
      );

      await step("on a phone nothing is wider than the page", async ({ page }) => {
        for (
          const path of [
            "/",
            `/models/${MERGED}`,
            "/play",
            "/admin",
            "/admin/merges",
            "/admin/keys",
            "/admin/engine",
          ]
        ) {
          await page.goto(path);
          await page.locator(".card, .chips, .composer, .tabs + *").first().waitFor();
          expect([path, await overflowOf(page)]).toEqual([path, 0]);
        }
      }, { key: adminKey, viewport: { width: 375, height: 800 }, hasTouch: true });

      for (const colorScheme of ["light", "dark"] as const) {
        await step(`axe finds nothing on any page, ${colorScheme}`, async ({ page }) => {
          const pages: readonly (readonly [string, string])[] = [
            ["/", ".card"],
            [`/models/${MERGED}`, ".heat"],
            ["/play", ".parameter"],
            [`/play?model=${encodeURIComponent(MERGED)}&with=geodesic%2Fdemo-helper`, ".compare-heads"],
            ["/admin", ".parameter"],
            ["/admin/merges", ".merge"],
            ["/admin/models", ".row"],
            ["/admin/keys", ".row"],
            ["/admin/engine", ".figures"],
            ["/admin/usage", "tbody tr"],
            ["/admin/audit", "tbody tr"],
            ["/nowhere", "#main"],
          ];
          for (const [path, shown] of pages) {
            await page.goto(path === "/nowhere" ? "/models/nobody/nothing" : path);
            await page.locator(shown).first().waitFor();
            expect([path, await accessibilityProblems(page)]).toEqual([path, []]);
          }
        }, { key: adminKey, colorScheme, script: axe.source });
      }

      await step(
        "the explorer is ours, works under its policy, and shows what it is answered",
        async ({ page, faults }) => {
          await page.goto("/graphql");
          await page.locator(".graphiql-container").first().waitFor();
          await page.getByRole("button", { name: /Execute/ }).click();
          await page.getByText(/PERSISTED_QUERY_ONLY/).first().waitFor();
          // Whoever is no admin is refused here, which Chromium has a word for.
          forgive(faults, "403");
        },
      );
    } finally {
      await browser.close();
    }
  },
});
