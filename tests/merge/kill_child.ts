/**
 * A merge that kills its own process, with no chance to tidy up, at the n-th of the moments at which it reports
 * progress or this thread touches the file system; with n = 0 it runs to its end. Arguments: folder with models "a"
 * and "b" and config.yml, bytes of a shard, n. Prints the manifest hash.
 */
import { runMerge } from "../../src/merge/run.ts";

const [dir, shardBytes, moment] = Deno.args;
if (dir === undefined) throw new Error("Usage: kill_child.ts DIR SHARD_BYTES MOMENT");
let left = Number(moment);
function pass(): void {
  if (--left === 0) Deno.kill(Deno.pid, "SIGKILL");
}

const { open, rename, remove, mkdir } = Deno;
Object.assign(Deno, {
  open: (...args: Parameters<typeof open>) => (pass(), open(...args)),
  rename: (...args: Parameters<typeof rename>) => (pass(), rename(...args)),
  remove: (...args: Parameters<typeof remove>) => (pass(), remove(...args)),
  mkdir: (...args: Parameters<typeof mkdir>) => (pass(), mkdir(...args)),
});
const { write, sync, syncData } = Deno.FsFile.prototype;
Object.assign(Deno.FsFile.prototype, {
  write(this: Deno.FsFile, bytes: Uint8Array) {
    pass();
    return write.call(this, bytes);
  },
  sync(this: Deno.FsFile) {
    pass();
    return sync.call(this);
  },
  syncData(this: Deno.FsFile) {
    pass();
    return syncData.call(this);
  },
});

const { artifact } = await runMerge({
  config: await Deno.readTextFile(`${dir}/config.yml`),
  outDir: `${dir}/out`,
  resolve: (name) => Promise.resolve(`${dir}/${name}`),
  shardBytes: Number(shardBytes),
  onProgress: pass,
});
console.log(JSON.stringify({ manifestSha256: artifact.manifestSha256, momentsLeft: left }));
