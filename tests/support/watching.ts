/** What tests of streams share: something to watch, and waiting until nobody watches. */
import type { ApiServer } from "./api_server.ts";

/** Starts a generation of the fake gateway; its global id. */
export async function startWatched(api: ApiServer): Promise<string> {
  const answer = await api.query(`mutation {
    startGeneration(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) {
      ... on StartGenerationPayload { generation { id } }
    }
  }`);
  return answer.body.data.startGeneration.generation.id;
}

/** Lets the server go round until it has no subscriptions; a test that waits in vain is ended by its runner. */
export async function untilNoStreams(api: ApiServer): Promise<void> {
  while (api.server.liveStreams > 0) await round(api);
}

export async function untilNoSockets(api: ApiServer): Promise<void> {
  while (api.server.liveSockets > 0) await round(api);
}

export async function untilNoConnections(api: ApiServer): Promise<void> {
  while (api.server.liveConnections > 0) await round(api);
}

async function round(api: ApiServer): Promise<void> {
  await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
}
