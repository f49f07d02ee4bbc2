/** Lines of a byte stream, as they arrive. A line longer than the bound ends the reading: nothing grows without end. */
import { ConfigError } from "../errors.ts";

/** Without line ends; the last line may lack one. Throws ConfigError for a line of more than `maxLength` characters. */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  { name, maxLength }: { readonly name: string; readonly maxLength: number },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end).replace(/\r$/, "");
      rest = rest.slice(end + 1);
    }
    if (rest.length > maxLength) {
      throw new ConfigError(`Cannot read ${name}: a line has more than ${maxLength} characters`, {
        name,
        maxLength,
      });
    }
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
