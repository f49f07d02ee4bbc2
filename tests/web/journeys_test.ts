/**
 * What people do in the console, in a real Chromium against a real gateway. One gateway and one browser serve all
 * journeys, each in a profile of its own. In each of them nothing may have left the origin, broken the policy, or stood
 * on the browser's console. Every wait is for something that is to be seen, and none of them is short.
 */
import { expect } from "@std/expect";
import { hasDevice } from "../gpu/device.ts";
import { hasBrowser, launchBrowser, newPage } from "../support/browser.ts";
import { GatewayProcess } from "../support/gateway_process.ts";
import { HubServer } from "../support/hub_server.ts";
import { adminJourneys } from "./admin_journeys.ts";
import type { Stage } from "./journey.ts";
import { HOSTILE_CARD, modelJourneys } from "./model_journeys.ts";
import { pageJourneys } from "./page_journeys.ts";
import { playJourneys } from "./play_journeys.ts";

const JOURNEYS = [...modelJourneys, ...playJourneys, ...adminJourneys, ...pageJourneys];

Deno.test({
  name: hasBrowser ? "the console: journeys" : "the console: journeys (left out: there is no Chromium)",
  ignore: !hasDevice || !hasBrowser,
  fn: async (t) => {
    await using hub = await HubServer.of("demo/parents/helper");
    hub.name = "hostile/card";
    hub.files.set("README.md", new TextEncoder().encode(HOSTILE_CARD));
    await using browser = await launchBrowser();
    // Only the operations that the console was built with; what the test itself asks, it asks as an admin.
    await using gateway = await GatewayProcess.start({
      args: ["--persisted-only", "--introspection", "off"],
      env: { HF_ENDPOINT: hub.endpoint },
    });
    const stage: Stage = { gateway, browser, hub };
    for (const { name, withKey, options, run } of JOURNEYS) {
      await t.step(name, async () => {
        const key = withKey ? { key: gateway.adminKey } : {};
        const watched = await newPage(browser, gateway.url, { ...options, ...key });
        try {
          await run(watched, stage);
          expect(watched.faults).toEqual([]);
        } catch (error) {
          console.error(`At ${watched.page.url()}:`, watched.faults);
          throw error;
        } finally {
          await watched.page.context().close();
        }
      });
    }
  },
});
