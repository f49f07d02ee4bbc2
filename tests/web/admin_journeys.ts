/** What an administrator steers, and who is none. */
import { expect } from "@std/expect";
import { ask, forgive, type Journey, openPlay, shows } from "./journey.ts";

export const adminJourneys: readonly Journey[] = [
  {
    name: "a wrong key is refused in so many words, and no key leaves the tab's own storage",
    run: async (watched, { gateway }) => {
      const { page } = watched;
      const addresses: string[] = [];
      page.on("request", (request) => addresses.push(request.url()));
      await page.goto("/admin/keys");
      // One that could exist, and one that no header can carry.
      for (const wrong of [`gsk_${"0".repeat(12)}_${"0".repeat(48)}`, "gsk_ключ"]) {
        await page.getByLabel("API key").fill(wrong);
        await page.getByRole("button", { name: "Use this key" }).click();
        await page.getByRole("alert").filter({ hasText: "does not accept this key" }).waitFor();
        await page.getByLabel("API key").fill("");
      }
      expect(await page.evaluate(() => sessionStorage.getItem("geodesic.key"))).toBeNull();
      await page.getByLabel("API key").fill(gateway.adminKey);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "New key" }).waitFor();
      expect(await page.evaluate(() => sessionStorage.getItem("geodesic.key"))).toBe(gateway.adminKey);
      expect(await page.evaluate("JSON.stringify([{ ...localStorage }, document.cookie, location.href])"))
        .not.toContain("gsk_");
      expect(addresses.join("\n")).not.toContain("gsk_");
      forgive(watched, /401/);
    },
  },
  {
    name: "a default is changed, the next answer has it, and it is taken back",
    withKey: true,
    run: async ({ page }) => {
      await page.goto("/admin");
      await page.locator("#defaults-maxTokens").fill("5");
      await page.getByLabel("Reason").fill("Short answers");
      await page.getByRole("button", { name: "Put 1 in force" }).click();
      await shows(page, ".history li", "Short answers");
      await shows(page, ".diff tbody tr", /Most tokens\s*not set\s*5/);
      await openPlay(page, {});
      await page.locator(".parameter", { hasText: "Most tokens" }).getByText("5 · gateway").waitFor();
      await ask(page, "Tell me a story.");
      await shows(page, ".answer .usage", "5 tokens");
      await page.goto("/admin");
      await page.getByRole("button", { name: "Remove all that is set here" }).click();
      await page.locator(".history li").nth(1).waitFor();
    },
  },
];
