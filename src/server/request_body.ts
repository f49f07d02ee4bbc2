/** Reads a request's body as JSON, and no more of it than is allowed. */
import { CapacityError, ConfigError } from "../errors.ts";

/** Throws CapacityError beyond `maxBytes`, ConfigError for what is no JSON, or does not arrive as a whole. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError("Cannot read the request: its body is no valid JSON", {}, { cause: error });
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of arriving(request)) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new CapacityError(`Cannot read the request: its body has more than ${maxBytes} bytes`, {
        maxBytes,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** A client that breaks off what it sends is no failure of the gateway. */
async function* arriving({ body }: Request): AsyncGenerator<Uint8Array> {
  try {
    yield* body ?? [];
  } catch (error) {
    throw new ConfigError("Cannot read the request: its body breaks off", {}, { cause: error });
  }
}
