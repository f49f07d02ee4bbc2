/** What holds for every page, and for the gateway that is away. */
import axe from "axe-core";
import { expect } from "@std/expect";
import { accessibilityProblems, overflowOf } from "../support/browser.ts";
import { forgive, type Journey, MERGED, PLAY, shows } from "./journey.ts";

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 800 };

/** An address, and what its page shows when it is there. */
const PAGES: readonly (readonly [path: string, shown: string])[] = [
  ["/", ".card"],
  [`/models/${MERGED}`, ".heat"],
  [PLAY, ".parameter"],
  [`${PLAY}&with=geodesic%2Fdemo-helper`, ".compare-heads"],
  ["/admin", ".parameter"],
  ["/admin/merges", ".merge"],
  ["/admin/models", ".row"],
  ["/admin/keys", ".row"],
  ["/admin/engine", ".figures"],
  ["/admin/usage", "tbody tr"],
  ["/admin/audit", "tbody tr"],
  ["/models/nobody/nothing", ".empty"],
];

export const pageJourneys: readonly Journey[] = [
  {
    name: "on every page axe finds nothing, light and dark, and nothing is wider than a phone",
    withKey: true,
    options: { script: axe.source, viewport: DESK, colorScheme: "light", hasTouch: true },
    run: async ({ page }) => {
      for (const [path, shown] of PAGES) {
        await page.goto(path);
        await page.locator(shown).first().waitFor();
        expect([path, "light", await accessibilityProblems(page)]).toEqual([path, "light", []]);
        await page.emulateMedia({ colorScheme: "dark" });
        expect([path, "dark", await accessibilityProblems(page, ["color-contrast"])]).toEqual([
          path,
          "dark",
          [],
        ]);
        await page.setViewportSize(PHONE);
        expect([path, await overflowOf(page)]).toEqual([path, 0]);
        await page.setViewportSize(DESK);
        await page.emulateMedia({ colorScheme: "light" });
      }
    },
  },
  {
    name:
      "a gateway that is away is told of, the page comes back by itself, and a lost part can be asked for again",
    run: async (watched) => {
      const { page } = watched;
      await page.goto("/");
      await page.locator(".card").first().waitFor();
      await page.context().setOffline(true);
      await page.getByText("The gateway does not answer").waitFor();
      await page.getByRole("link", { name: "Admin" }).click();
      await page.getByText("This page could not be shown").waitFor();
      await page.context().setOffline(false);
      await page.getByText("The gateway does not answer").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Load the page anew" }).click();
      await page.getByLabel("API key").waitFor();
      // What Chromium itself says of requests without a network, and what React's heirs throw on.
      forgive(watched, /net::ERR_|dynamically imported/);
    },
  },
  {
    name: "the explorer completes, streams, keeps to its tab, and leads back",
    withKey: true,
    run: async (watched) => {
      const { page } = watched;
      await page.goto("/graphql");
      const editor = page.locator(".graphiql-query-editor .CodeMirror");
      await editor.waitFor();
      const write = async (text: string) => {
        await editor.click();
        await page.keyboard.press("ControlOrMeta+A");
        await page.keyboard.insertText(text);
      };
      // The gateway shows its schema to nobody.
      await shows(page, ".graphiql-response", "The schema is not shown to this caller");
      await write(`subscription { modelEvents(ref: { name: "${MERGED}" }) { model { name } } }`);
      await page.getByRole("button", { name: /Execute/ }).click();
      await shows(page, ".graphiql-response", MERGED);
      await page.getByRole("button", { name: /Stop/ }).click();
      await write("{ viewer { role } }");
      await page.getByRole("button", { name: /Execute/ }).click();
      await shows(page, ".graphiql-response", "ADMIN");
      await page.getByRole("button", { name: /settings/i }).click();
      await page.getByRole("dialog").waitFor();
      await page.getByRole("button", { name: "Clear data" }).click();
      expect(await page.evaluate(() => sessionStorage.getItem("geodesic.key"))).toMatch(/^gsk_/);
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Geodesic" }).click();
      await page.locator(".card").first().waitFor();
      forgive(watched, /status of 403/);
    },
  },
];
