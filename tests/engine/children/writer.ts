/** A Worker that posts as fast as it may. */
import { Backlog } from "../../../src/engine/backlog.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<SharedArrayBuffer>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => {
  const backlog = new Backlog(data);
  for (let index = 0; index < 10_000; index++) {
    backlog.add();
    scope.postMessage(index);
    await backlog.shrunk();
  }
  scope.postMessage("done");
};
