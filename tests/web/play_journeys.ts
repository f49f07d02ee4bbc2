/** Talking to a model: what streams, what is read in it, and what neither reloads nor broken connections take away. */
import { expect } from "@std/expect";
import { newPage } from "../support/browser.ts";
import {
  ask,
  cursorsOf,
  expectWhole,
  forgive,
  type Journey,
  openPlay,
  PLAY,
  shows,
  tabTo,
  textOf,
} from "./journey.ts";

/** A WebSocket as a proxy leaves it that lets none through. */
const NO_SOCKETS = `globalThis.WebSocket = class {
  readyState = 3;
  constructor() {
    queueMicrotask(() => this.onclose?.(new CloseEvent("close", { code: 1006 })));
  }
  close() {}
  send() {}
};`;

export const playJourneys: readonly Journey[] = [
  {
    name: "by keyboard alone: ask, read the alternatives, ask again, go between the branches",
    run: async ({ page }) => {
      await openPlay(page, { maxTokens: "12" });
      await tabTo(page, "#prompt", "Shift+Tab");
      await page.keyboard.type("Tell me a story.");
      await page.keyboard.press("Enter");
      await page.locator(".answer .usage").waitFor();
      await tabTo(page, ".answer .text", "Shift+Tab");
      await page.keyboard.press("ArrowRight");
      await shows(page, ".alternatives .taken", /\d+\.\d %/);
      expect(await page.locator(".alternatives li").count()).toBeGreaterThan(3);
      await tabTo(page, ".said.assistant .said-actions button");
      await page.keyboard.press("Enter");
      await page.getByText("2 of 2").waitFor();
      await tabTo(page, "[aria-label='Branch before']");
      await page.keyboard.press("Enter");
      await page.getByText("1 of 2").waitFor();
    },
  },
  {
    name: "an answer that a page is loaded anew in the middle of goes on where it was",
    run: async ({ page }, stage) => {
      const cursors = cursorsOf(page);
      await openPlay(page, { ignoreEos: true, maxTokens: "60" });
      await ask(page, "<img src=x onerror=alert(1)>");
      const before = await textOf(page, ".answer .text");
      await page.reload();
      await shows(page, ".answer .usage", "60 tokens");
      expect((await expectWhole(page, stage)).startsWith(before.slice(0, 10))).toBe(true);
      expect(cursors.length).toBe(2);
      expect(cursors[1]).toBeGreaterThan(0);
      await shows(page, ".session-title", "<img src=x");
      await page.getByText("The GraphQL behind this").click();
      await shows(page, ".behind pre", /mutation StartGeneration[\s\S]*"maxTokens": 60/);
    },
  },
  {
    name: "connections that break again and again lose and double nothing",
    run: async (watched, stage) => {
      const { page } = watched;
      const cursors: number[] = [];
      await page.routeWebSocket("**/graphql", (socket) => {
        const gateway = socket.connectToServer();
        let received = 0;
        socket.onMessage((message) => {
          const { payload } = JSON.parse(String(message));
          if (payload?.operationName === "WatchGeneration") cursors.push(payload.variables.afterSeq);
          gateway.send(message);
        });
        gateway.onMessage((message) => {
          socket.send(message);
          if (++received === 9) {
            void gateway.close();
            void socket.close({ code: 1012 });
          }
        });
      });
      await openPlay(page, { ignoreEos: true, maxTokens: "30" });
      await ask(page, "Tell me a story.");
      await shows(page, ".answer .usage", "30 tokens");
      await expectWhole(page, stage);
      expect(cursors.length).toBeGreaterThan(1);
      expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
      // What is sent while it breaks, the connection behind the route is not there for any more.
      forgive(watched, /already in CLOSING or CLOSED state/);
    },
  },
  {
    name: "where no WebSocket gets through, answers come as events; two models side by side",
    options: { script: NO_SOCKETS },
    run: async ({ page }) => {
      await openPlay(page, { maxTokens: "8" }, `${PLAY}&with=geodesic%2Fdemo-helper`);
      await page.fill("#prompt", "What is the capital of France?");
      await page.keyboard.press("Enter");
      await page.locator(".compare-answers .usage").nth(1).waitFor();
      expect(await page.locator(".compare-answers .token").count()).toBeGreaterThan(4);
    },
  },
  {
    name: "an answer is stopped",
    run: async ({ page }) => {
      await openPlay(page, { ignoreEos: true, maxTokens: "800" });
      await ask(page, "Tell me a story.");
      await page.getByRole("button", { name: "Stop" }).click();
      await shows(page, ".answer .usage", "stopped");
      await page.getByRole("button", { name: "Send" }).waitFor();
    },
  },
  {
    name: "more tabs than a browser has connections do not keep each other waiting",
    run: async ({ page }) => {
      const tabs = await Promise.all(Array.from({ length: 6 }, () => page.context().newPage()));
      await Promise.all([page, ...tabs].map(async (tab) => {
        await tab.goto("/");
        await tab.locator(".card").first().waitFor();
      }));
      await page.getByRole("link", { name: "Playground" }).click();
      await page.locator("#play-maxTokens").waitFor();
    },
  },
  {
    name: "a key that ends while an answer streams is asked for, and what it saw does not stay",
    run: async ({ faults }, { gateway, browser }) => {
      const { data } = await gateway.query<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
        `mutation { createApiKey(input: { label: "Short", role: GENERATOR }) {
           ... on CreateApiKeyPayload { secret apiKey { id } } } }`,
        {},
        gateway.adminKey,
      );
      const { secret, apiKey } = data!.createApiKey;
      const own = await newPage(browser, gateway.url, { key: secret });
      await openPlay(own.page, { ignoreEos: true, maxTokens: "800" });
      await ask(own.page, "Tell me a story.");
      const kept = () => own.page.evaluate(() => Object.keys(sessionStorage).join());
      expect(await kept()).toContain("geodesic.run.");
      await gateway.query(
        "mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }",
        { id: apiKey.id },
        gateway.adminKey,
      );
      await own.page.getByRole("alert").filter({ hasText: "does not accept this key" }).waitFor();
      await own.page.getByRole("button", { name: "Forget key" }).click();
      await own.page.getByRole("button", { name: "Use a key", exact: true }).waitFor();
      expect(await kept()).not.toContain("geodesic.");
      faults.push(...own.faults.filter((fault) => !/401/.test(fault)));
      await own.page.context().close();
    },
  },
];
