/** Turns: nobody starves, nobody gets more than there is, everybody ends. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { type Claim, fairOrder, type FairState, nextGrants } from "../../src/app/fair_queue.ts";
import { runs } from "../support/properties.ts";

const HERE = "here";

function claim(principalId: string, number: number, more: Partial<Claim> = {}): Claim {
  const generationId = `${String(number).padStart(6, "0")}`;
  return { generationId, principalId, units: 1, priority: 0, isHeld: false, gatewayId: HERE, ...more };
}

function state(claims: readonly Claim[], lastTurns: Readonly<Record<string, number>> = {}): FairState {
  return { claims, lastTurns: new Map(Object.entries(lastTurns)), gatewayId: HERE };
}

const order = (claims: readonly Claim[]) =>
  claims.map((one) => `${one.principalId}${Number(one.generationId)}`);

Deno.test("fairOrder() lets one request in among a hundred", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => claim("a", index));
  expect(order(fairOrder(state([...hundred, claim("b", 200)])).slice(0, 3))).toEqual(["a0", "b200", "a1"]);
});

Deno.test("fairOrder() prefers who holds least, then whose turn is longest ago", () => {
  const waiting = [claim("a", 1), claim("b", 2), claim("c", 3)];
  expect(order(fairOrder(state([...waiting, claim("a", 0, { isHeld: true })])))).toEqual(["b2", "c3", "a1"]);
  expect(order(fairOrder(state(waiting, { a: 7, b: 9, c: 5 })))).toEqual(["c3", "a1", "b2"]);
});

Deno.test("fairOrder() counts the turns that it gives, and nobody who waits at another gateway", () => {
  const claims = [claim("b", 0, { isHeld: true }), claim("a", 1), claim("a", 2), claim("b", 3)];
  const there = claim("c", 4, { gatewayId: "there" });
  // With a's first they hold the same, and then b's turn is longer ago.
  expect(order(fairOrder(state([...claims, there], { a: 1, b: 5 })))).toEqual(["a1", "b3", "a2"]);
  expect(order(nextGrants(state([there]), { totalUnits: 9, unitsPerPrincipal: 9 }))).toEqual([]);
});

Deno.test("fairOrder() goes by priority within a principal alone", () => {
  const claims = [
    claim("a", 1),
    claim("a", 2, { priority: 5 }),
    claim("b", 3),
    claim("a", 4, { priority: 5 }),
  ];
  expect(order(fairOrder(state(claims)))).toEqual(["a2", "b3", "a4", "a1"]);
});

Deno.test("nextGrants() keeps free what the next one in turn needs", () => {
  const claims = [
    claim("a", 0, { isHeld: true, units: 2 }),
    claim("b", 1, { units: 3 }),
    claim("c", 2, { units: 1 }),
  ];
  const limits = { totalUnits: 4, unitsPerPrincipal: 4 };
  expect(nextGrants(state(claims), limits)).toEqual([]);
  expect(order(nextGrants(state(claims.slice(1)), limits))).toEqual(["b1", "c2"]);
});

Deno.test("nextGrants() counts a principal at every gateway, and the total at its own", () => {
  const elsewhere = { gatewayId: "there", isHeld: true, units: 2 };
  const claims = [
    claim("a", 0, elsewhere),
    claim("a", 1),
    claim("b", 2),
    claim("b", 3, { gatewayId: "there" }),
  ];
  expect(order(nextGrants(state(claims), { totalUnits: 1, unitsPerPrincipal: 2 }))).toEqual(["b2"]);
});

const LIMITS = { totalUnits: 5, unitsPerPrincipal: 3 } as const;
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("come" as const), who: fc.nat(4), units: fc.nat(2) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), which: fc.nat(50) }) },
);

Deno.test("nextGrants() never exceeds a limit, leaves nothing idle, and serves everybody in a bounded number of turns", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let claims: Claim[] = [];
      const turns = new Map<string, number>();
      let turn = 0;
      /** Of every waiting claim: how many claims of others were given units since it became its principal's first. */
      const overtaken = new Map<string, number>();
      const settle = () => {
        const granted = nextGrants({ claims, lastTurns: turns, gatewayId: HERE }, LIMITS);
        turn++;
        for (const one of granted) {
          turns.set(one.principalId, turn);
          claims = claims.map((other) => other === one ? { ...one, isHeld: true } : other);
          overtaken.delete(one.generationId);
        }
        const held = claims.filter(({ isHeld }) => isHeld);
        const sum = (some: readonly Claim[]) => some.reduce((total, { units }) => total + units, 0);
        expect(sum(held)).toBeLessThanOrEqual(LIMITS.totalUnits);
        for (const { principalId } of held) {
          const own = held.filter((one) => one.principalId === principalId);
          expect(sum(own)).toBeLessThanOrEqual(LIMITS.unitsPerPrincipal);
        }
        // With nothing held there is always room for the first in turn.
        if (held.length === 0) expect(claims).toEqual([]);
        for (const { generationId, principalId, isHeld } of claims) {
          // Only a principal that holds nothing is due: the others are served already.
          if (isHeld || held.some((one) => one.principalId === principalId)) continue;
          const first = claims.find((one) => !one.isHeld && one.principalId === principalId);
          if (first?.generationId !== generationId) continue;
          const others = new Set(granted.map((one) => one.principalId)).size;
          overtaken.set(generationId, (overtaken.get(generationId) ?? 0) + others);
          // Each of the other four principals may go before it once, and once more for a turn begun before it came.
          expect(overtaken.get(generationId)).toBeLessThanOrEqual(8);
        }
      };
      steps.forEach((one, index) => {
        if (one.kind === "come") claims.push(claim(`p${one.who}`, index, { units: 1 + one.units }));
        else {
          const running = claims.filter(({ isHeld }) => isHeld);
          const ending = running[one.which % Math.max(1, running.length)];
          claims = claims.filter((other) => other !== ending);
        }
        settle();
      });
      for (let left = claims.length; left > 0; left = claims.length) {
        const ending = claims.find(({ isHeld }) => isHeld);
        expect(ending).toBeDefined();
        claims = claims.filter((other) => other !== ending);
        settle();
      }
    }),
    { numRuns: runs(300) },
  );
});
