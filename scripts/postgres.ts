/**
 * `deno task postgres`: makes a PostgreSQL server available to the tests, which start it themselves in a temporary
 * folder. On a Debian-like system, where the user may install packages, its package is installed without a cluster of
 * its own; anywhere else this says what is missing, and the tests of a real server are left out. Never fails.
 * GEODESIC_NO_INSTALL=1 forbids installing.
 */

/** Folder of `initdb` and `postgres`, the newest there is; null where none is installed. */
export const POSTGRES_BIN: string | null = findBin();

function findBin(): string | null {
  const versions: number[] = [];
  try {
    for (const { name } of Deno.readDirSync("/usr/lib/postgresql")) versions.push(Number(name));
  } catch {
    return null;
  }
  for (const version of versions.filter((one) => one >= 12).sort((a, b) => b - a)) {
    const bin = `/usr/lib/postgresql/${version}/bin`;
    try {
      if (Deno.statSync(`${bin}/initdb`).isFile && Deno.statSync(`${bin}/postgres`).isFile) return bin;
    } catch {
      // The next older one.
    }
  }
  return null;
}

/** Whom root runs a server as; null for everybody else, who runs it as themselves. */
export async function postgresUser(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (Deno.uid() !== 0) return null;
  const lines = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
  const entry = lines.find(([name]) => name === "postgres") ?? lines.find(([name]) => name === "nobody");
  return { uid: Number(entry?.[2] ?? 65534), gid: Number(entry?.[3] ?? 65534) };
}

async function succeeds(command: string, ...args: readonly string[]): Promise<boolean> {
  try {
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    return (await new Deno.Command(command, { args: [...args], env, ...quiet }).output()).success;
  } catch {
    return false;
  }
}

/** A server that the system starts at boot is none of ours; its package makes one unless told otherwise. */
const NO_CLUSTER = "/etc/postgresql-common/createcluster.d/geodesic.conf";

async function install(): Promise<string | null> {
  if (Deno.env.get("GEODESIC_NO_INSTALL") === "1") return "GEODESIC_NO_INSTALL=1 forbids installing one";
  if (!await succeeds("/usr/bin/apt-get", "--version")) return "this system has no apt-get";
  const isRoot = Deno.uid() === 0;
  const sudo = ["/usr/bin/sudo", "-n"] as const;
  if (!isRoot && !await succeeds(...sudo, "true")) return "only root may install one";
  const apt = (...args: readonly string[]) =>
    isRoot ? succeeds("/usr/bin/apt-get", ...args) : succeeds(...sudo, "/usr/bin/apt-get", ...args);
  console.error("Installing a PostgreSQL server for the tests (apt-get install postgresql) …");
  if (isRoot) {
    await Deno.mkdir("/etc/postgresql-common/createcluster.d", { recursive: true });
    await Deno.writeTextFile(NO_CLUSTER, "create_main_cluster = false\n");
  }
  await apt("-qq", "update");
  const done = await apt("-qq", "-y", "install", "--no-install-recommends", "postgresql");
  return done ? null : "installing it did not work";
}

if (import.meta.main && POSTGRES_BIN === null) {
  const why = await install();
  console.error(
    why === null
      ? "Installed."
      : `No PostgreSQL server, and ${why}: tests of a real one are left out (apt-get install postgresql)`,
  );
}
