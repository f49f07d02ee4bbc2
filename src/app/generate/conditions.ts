/**
 * Under what conditions a generation ran: what its tokens depend on besides prompt, parameters and the files. They are
 * noted when it is accepted and again when it goes to the engine, which may be another one by then; two runs are held
 * against each other so that a mismatch has a reason.
 */
import type { EngineClient } from "../../engine/protocol.ts";
import type { ConditionDifference, GenerationConditions } from "../types.ts";
import { VERSION } from "../../version.ts";

/** What of them the engine says; nulls while it says nothing. */
export function deviceConditions(engine: Pick<EngineClient, "status">): Pick<
  GenerationConditions,
  "device" | "kernelsSha256" | "version" | "deno"
> {
  const status = engine.status();
  const program = { version: VERSION, deno: Deno.version.deno };
  if (status.state !== "READY") return { ...program, device: null, kernelsSha256: null };
  const { adapter, vendor, backend, software, kernelsSha256 } = status.device;
  return { ...program, device: { adapter, vendor, backend, software }, kernelsSha256 };
}

/** By its name in the API; undefined where a record is older than the field. */
const FIELDS: readonly (readonly [string, (conditions: GenerationConditions) => unknown])[] = [
  ["quantization", ({ quantization }) => quantization],
  ["precision", ({ precision }) => precision],
  ["kvCacheFormat", ({ kvCacheFormat }) => kvCacheFormat],
  // Older runs had no choice.
  ["accumulation", ({ accumulation }) => accumulation ?? "f32"],
  ["device.adapter", ({ device }) => device?.adapter],
  ["device.vendor", ({ device }) => device?.vendor],
  ["device.backend", ({ device }) => device?.backend],
  ["kernelsSha256", ({ kernelsSha256 }) => kernelsSha256],
  ["version", ({ version }) => version],
  ["deno", ({ deno }) => deno],
];

/** What differs, or is known of one of the two only; null where nothing is known of one. */
export function compareConditions(
  original: GenerationConditions | null,
  now: GenerationConditions | null,
): readonly ConditionDifference[] | null {
  if (original === null || now === null) return null;
  return FIELDS.flatMap(([field, of]) => {
    const [then, here] = [text(of(original)), text(of(now))];
    return then === here ? [] : [{ field, original: then, reproduction: here }];
  });
}

function text(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}
