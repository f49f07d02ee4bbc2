/** The line a newcomer pastes into a shell to watch tokens arrive. */

/** A curl command that streams an answer of `model` from the gateway at `origin` (`http://host:port`). */
export function curlExample(origin: string, model: string): string {
  const query = `subscription { generate(input: { model: { name: ${JSON.stringify(model)} }, ` +
    `prompt: { text: "Tell me a story." } }) { __typename seq generationId ... on TokensGenerated { text } } }`;
  return [
    `curl -N ${origin}/graphql`,
    `-H 'content-type: application/json'`,
    `-H 'accept: text/event-stream'`,
    `-d ${shellQuoted(JSON.stringify({ query }))}`,
  ].join(" ");
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
