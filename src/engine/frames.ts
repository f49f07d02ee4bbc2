/**
 * Messages between the gateway and the engine's process as frames on a byte stream:
 *
 *   F5 67 | sequence u32 | length u32 | crc32 u32 | payload: UTF-8 JSON, `length` bytes
 *
 * (big-endian; the checksum covers sequence, length and payload). A process has one standard output for everybody:
 * `console.log` and native libraries print to it as well. F5 occurs nowhere in UTF-8, so text between frames is told
 * from a frame and handed on as what it is; text within one, a lost or a repeated frame fail checksum or sequence.
 * Nothing altered is ever taken for a message.
 */
import { crc32 } from "node:zlib";
import { FormatError } from "../errors.ts";

const MAGIC = [0xf5, 0x67] as const;
const HEADER_BYTES = 14;
/** The longest message is a prompt: 2^20 token ids of up to seven characters. */
export const MAX_PAYLOAD_BYTES = 16 * 2 ** 20;

/** Turns values into frames, numbered from 0. */
export class FrameEncoder {
  #sequence = 0;
  readonly #text = new TextEncoder();

  /** Throws FormatError for a message that no decoder would take. */
  encode(message: unknown): Uint8Array<ArrayBuffer> {
    const payload = this.#text.encode(JSON.stringify(message));
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new FormatError(
        `Cannot send a message of ${payload.length} bytes: at most ${MAX_PAYLOAD_BYTES} are taken`,
        { bytes: payload.length },
      );
    }
    const frame = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(frame.buffer);
    frame.set(MAGIC);
    view.setUint32(2, this.#sequence, false);
    view.setUint32(6, payload.length, false);
    view.setUint32(10, crc32(payload, crc32(frame.subarray(2, 10))), false);
    frame.set(payload, HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) >>> 0;
    return frame;
  }
}

export interface DecoderOptions {
  readonly onMessage: (message: unknown) => void;
  /** Bytes between frames: what others printed. Absent: there may be none. */
  readonly onStray?: (bytes: Uint8Array) => void;
}

/** Turns bytes, however they are split, into messages. Holds at most one frame. */
export class FrameDecoder {
  readonly #options: DecoderOptions;
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  #sequence = 0;
  /** The beginning of a frame, in the order in which it came; put together once, when all of it is there. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** With fewer there is nothing to be learned. */
  #neededBytes = 1;

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  /** Throws FormatError for bytes that are no frame; the decoder is of no use after that. */
  push(chunk: Uint8Array): void {
    if (this.#pendingBytes + chunk.length < this.#neededBytes) return this.#keep(chunk);
    let bytes = this.#pendingBytes === 0 ? chunk : concat([...this.#pending, chunk]);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (;;) {
      bytes = this.#skipStray(bytes);
      const length = this.#frameLength(bytes);
      this.#neededBytes = length ?? bytes.length + 1;
      if (bytes.length < this.#neededBytes) break;
      this.#take(bytes.subarray(0, this.#neededBytes));
      bytes = bytes.subarray(this.#neededBytes);
    }
    this.#keep(bytes);
  }

  /** The stream has ended. Throws FormatError in the middle of a frame. */
  end(): void {
    if (this.#pendingBytes > 0) throw malformed("it ends too early", { bytes: this.#pendingBytes });
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes.slice()); // It may be of a much larger buffer.
    this.#pendingBytes += bytes.length;
  }

  #skipStray(bytes: Uint8Array): Uint8Array {
    const found = bytes.indexOf(MAGIC[0]);
    const start = found < 0 ? bytes.length : found;
    if (start === 0) return bytes;
    if (this.#options.onStray === undefined) throw malformed("it does not begin as one");
    this.#options.onStray(bytes.subarray(0, start));
    return bytes.subarray(start);
  }

  /** Header and payload, once the header is there. Checked before anything waits for the payload. */
  #frameLength(bytes: Uint8Array): number | null {
    if (bytes.length > 1 && bytes[1] !== MAGIC[1]) throw malformed("it does not begin as one");
    if (bytes.length < HEADER_BYTES) return null;
    const view = viewOf(bytes);
    const sequence = view.getUint32(2, false);
    const length = view.getUint32(6, false);
    if (sequence !== this.#sequence) {
      throw malformed(`its number is ${sequence}, expected ${this.#sequence}`, { sequence });
    }
    if (length > MAX_PAYLOAD_BYTES) {
      throw malformed(`it announces ${length} bytes, at most ${MAX_PAYLOAD_BYTES} are taken`, { length });
    }
    return HEADER_BYTES + length;
  }

  #take(frame: Uint8Array): void {
    const payload = frame.subarray(HEADER_BYTES);
    if (viewOf(frame).getUint32(10, false) !== crc32(payload, crc32(frame.subarray(2, 10)))) {
      throw malformed("its checksum is wrong");
    }
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#options.onMessage(this.#parse(payload));
  }

  #parse(payload: Uint8Array): unknown {
    try {
      return JSON.parse(this.#text.decode(payload));
    } catch {
      throw malformed("it is no JSON");
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function malformed(what: string, details: Record<string, unknown> = {}): FormatError {
  return new FormatError(`Cannot read a frame: ${what}`, details);
}
