/** What libraries say behind everybody's back: the runtime writes it to stderr. */
import process from "node:process";

/** Messages of the warnings that the process gives while `work` runs. */
export async function warningsOf(work: () => unknown): Promise<readonly string[]> {
  const found: string[] = [];
  const note = ({ message }: Error) => void found.push(message);
  process.on("warning", note);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 0)); // they are told of in a later turn
    return found;
  } finally {
    process.off("warning", note);
  }
}
