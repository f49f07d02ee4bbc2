/** `geodesic pull NAME`: a model from a hub into the data folder's library, registered there. */
import { formatBytes } from "../byte_size.ts";
import { LOCAL_ADMIN } from "../app/access.ts";
import { recordAct } from "../app/audit.ts";
import { GATEWAY_DEFAULTS } from "../app/compose.ts";
import { systemClock } from "../app/clock.ts";
import { uuidV7 } from "../app/ids.ts";
import type { WorkProgress } from "../app/jobs/job.ts";
import { parsePull, pullWork, requirePullable, targetOf } from "../app/jobs/pull.ts";
import { ResidencyBoard } from "../app/residency.ts";
import { findArtifact, findModel, type ModelRow } from "../store/models.ts";
import { toBigInt } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { parseHub } from "../hub/settings.ts";
import type { Command } from "./command.ts";
import { dataDirOf, dataDirOption, openInvocationStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { Progress } from "./progress.ts";

export const pullCommand: Command = {
  name: "pull",
  summary: "Fetch a model from a hub into the library and register it",
  positionals: ["NAME"],
  options: {
    revision: { type: "string", value: "REV", description: "Branch, tag or commit (default main)" },
    as: {
      type: "string",
      value: "NAME",
      description: "What it is to be called here (default: as on the hub)",
    },
    data: dataDirOption,
    json: { type: "boolean", description: "Print what came, and errors, as one JSON object" },
  },
  notes:
    "NAME is owner/name on the hub at HF_ENDPOINT (default https://huggingface.co); HF_TOKEN is sent to it and to\n" +
    "nobody else. Configuration, tokenizer, card and safetensors files are fetched; pickles are refused. Every file is\n" +
    "held to the hash that the hub lists.\n" +
    "Interrupted, it leaves what has come beside its place, and the same command goes on from there. The same goes for\n" +
    "the folder of an earlier pull that no model has, or whose files are damaged.\n" +
    "A gateway that serves the data folder removes what has lain there for a week.\n" +
    "A gateway that serves the same data folder (or database) offers the model at once.",
  leaves: "What has come is kept: pull again",
  async run(invocation) {
    const { terminal, signal } = invocation;
    const dataDir = dataDirOf(invocation);
    const hub = {
      ...parseHub(terminal.hubEndpoint, terminal.hubToken),
      onUnreachable: once((host: string) => terminal.writeStatus(`Cannot reach ${host}, trying again …\n`)),
    };
    const [revision, name] = [invocation.text("revision"), invocation.text("as")];
    const request = parsePull({
      repository: invocation.positional("NAME"),
      ...(revision !== undefined && { revision }),
      ...(name !== undefined && { name }),
    });
    const db = await openInvocationStore(invocation);
    try {
      const { quantization, maxContextLength } = GATEWAY_DEFAULTS;
      const options = {
        ...{ db, dataDir, hub, quantization, maxContextLength, clock: systemClock, ids: uuidV7(systemClock) },
        board: new ResidencyBoard(systemClock),
        loader: { isBusy: () => false },
      };
      await requirePullable(options, request);
      let pulled: Pick<WorkProgress, "doneBytes" | "doneItems"> = { doneBytes: 0, doneItems: 0 };
      {
        using bar = new Progress(terminal);
        // What comes after it is done in no time: the files are hashed.
        const report = (progress: WorkProgress) => {
          if (progress.stage !== "pulling") return;
          pulled = progress;
          bar.update(barState(progress));
        };
        const { write, after } = await pullWork(options, request, { signal, report });
        await db.transaction().execute(async (trx) => {
          await write!(trx);
          const { name, ...details } = request;
          const at = systemClock.now();
          await recordAct(trx, { actor: LOCAL_ADMIN, at, action: "model.pull", target: name, details });
        });
        await after!();
      }
      const row = (await findModel(db, { name: request.name }))!;
      terminal.print(
        await describe(db, row, {
          json: invocation.flag("json"),
          path: targetOf(options, request.name),
          pulled,
        }),
      );
      return EXIT.done;
    } finally {
      await db.destroy();
    }
  },
};

/** A hub that is away is told of at its first failure; how it ends is told in the end. */
function once<T>(act: (value: T) => void): (value: T) => void {
  let done = false;
  return (value) => {
    if (!done) act(value);
    done = true;
  };
}

function barState({ doneBytes, totalBytes, freeBytes, doneItems, totalItems }: WorkProgress) {
  return {
    ...{ stage: "Pulling", doneBytes, totalBytes, count: `${doneItems}/${totalItems} files` },
    ...(freeBytes !== undefined && { freeBytes }),
  };
}

async function describe(
  db: Db,
  row: ModelRow,
  { json, path, pulled }: {
    readonly json: boolean;
    readonly path: string;
    /** A record that came along is no part of the artifact. */
    readonly pulled: Pick<WorkProgress, "doneBytes" | "doneItems">;
  },
): Promise<string> {
  const { artifact, files } = (await findArtifact(db, row.artifact_id))!;
  const origin: unknown = row.origin === null ? null : JSON.parse(row.origin);
  if (json) {
    const manifestSha256 = artifact.manifest_sha256;
    return JSON.stringify({
      name: row.name,
      path,
      origin,
      manifestSha256,
      sizeBytes: Number(toBigInt(artifact.size_bytes)),
      files: files.length,
    });
  }
  return `Pulled ${row.name} into ${path}: ${formatBytes(pulled.doneBytes)} in ${pulled.doneItems} files\n` +
    `Manifest SHA-256 ${artifact.manifest_sha256}`;
}
