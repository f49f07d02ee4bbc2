/** What a journey through the console is, and the steps that several of them take. */
import { expect } from "@std/expect";
import type { Browser, Page } from "playwright-core";
import type { NewPageOptions, WatchedPage } from "../support/browser.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import type { HubServer } from "../support/hub_server.ts";

/** What all journeys share. */
export interface Stage {
  readonly gateway: GatewayProcess;
  readonly browser: Browser;
  /** Where the gateway pulls from. */
  readonly hub: HubServer;
}

export interface Journey {
  readonly name: string;
  /** As an administrator. */
  readonly withKey?: boolean;
  readonly options?: NewPageOptions;
  readonly run: (watched: WatchedPage, stage: Stage) => Promise<void>;
}

export const MERGED = "geodesic/demo-slerp";
export const PLAY = `/play?model=${encodeURIComponent(MERGED)}`;

/** Resolves when the first of the elements shows the text. */
export async function shows(page: Page, selector: string, what: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: what }).first().waitFor();
}

export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().innerText()).trim();
}

/** Takes out the faults that the journey means to cause. */
export function forgive({ faults }: WatchedPage, what: RegExp): void {
  faults.splice(0, Infinity, ...faults.filter((fault) => !what.test(fault)));
}

/** Opens the playground when its parameters are there, and sets some. */
export async function openPlay(
  page: Page,
  settings: Readonly<Record<string, string | true>>,
  path = PLAY,
): Promise<void> {
  await page.goto(path);
  for (const [name, value] of Object.entries(settings)) {
    const field = page.locator(`#play-${name}`);
    if (value === true) await field.check();
    else await field.fill(value);
  }
}

/** Asks, and resolves when the answer has begun. */
export async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill("#prompt", prompt);
  await page.keyboard.press("Enter");
  await page.locator(".answer .token").nth(2).waitFor();
}

/** Goes on with the key Tab alone, or back, until what has the focus fits. */
export async function tabTo(page: Page, selector: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let press = 0; press < 80; press++) {
    await page.keyboard.press(key);
    if (await page.locator(`${selector}:focus`).count() > 0) return;
  }
  throw new Error(`No "${selector}" within 80 presses of Tab`);
}

/** The answer on the page is the one that the gateway has, to the letter. */
export async function expectWhole(page: Page, { gateway }: Stage): Promise<string> {
  const id = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1)!);
  const { data } = await gateway.query<
    { session: { messages: { edges: { node: { content: string } }[] } } }
  >(
    "query ($id: ID!) { session(id: $id) { messages(first: 5) { edges { node { content } } } } }",
    { id },
    gateway.adminKey,
  );
  const whole = data!.session.messages.edges[1]!.node.content.trim();
  // Shown by token, so that nothing of it is what the gateway told at the end.
  const shown = await page.locator(".answer .token").allTextContents();
  expect(shown.join("").trim()).toBe(whole);
  return whole;
}

/** Cursors of generations that the page watches from, in the order in which it asks. */
export function cursorsOf(page: Page): readonly number[] {
  const cursors: number[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const message = JSON.parse(String(payload)) as {
        type: string;
        payload?: { operationName?: string; variables: { afterSeq: number } };
      };
      if (message.type === "subscribe" && message.payload?.operationName === "WatchGeneration") {
        cursors.push(message.payload.variables.afterSeq);
      }
    }));
  return cursors;
}
