/** What an admin steers. Without an admin's key it says so, and asks for one. */
import type { FunctionComponent } from "preact";
import { apiKey } from "../lib/api.ts";
import { useQuery } from "../lib/hooks.ts";
import { Link } from "../lib/router.tsx";
import { Viewer } from "../operations/generated.ts";
import { KeyForm } from "../ui/key.tsx";
import { Empty, Loading, Problem, useTitle } from "../ui/parts.tsx";
import { AuditTab } from "./admin_audit.tsx";
import { DefaultsTab } from "./admin_defaults.tsx";
import { EngineTab } from "./admin_engine.tsx";
import { KeysTab } from "./admin_keys.tsx";
import { MergesTab } from "./admin_merges.tsx";
import { ModelsTab } from "./admin_models.tsx";
import { UsageTab } from "./admin_usage.tsx";

const TABS: readonly (readonly [string, string, FunctionComponent])[] = [
  ["", "Defaults", DefaultsTab],
  ["merges", "Merges", MergesTab],
  ["models", "Models", ModelsTab],
  ["keys", "Keys", KeysTab],
  ["engine", "Engine", EngineTab],
  ["usage", "Usage", UsageTab],
  ["audit", "Audit", AuditTab],
];

export function AdminPage({ rest }: { rest: string }) {
  const { data, error, reload } = useQuery(Viewer, {});
  const tab = TABS.find(([path]) => path === rest);
  useTitle(tab?.[1], "Admin");
  if (error && data === undefined) return <Problem error={error} retry={reload} />;
  if (data === undefined) return <Loading what="who you are" />;
  if (data.viewer.role !== "ADMIN") {
    return (
      <div class="gate">
        <h1>Admin</h1>
        <p>
          {apiKey.value === null
            ? "Defaults, merges, models, keys and the audit log take an admin’s key."
            : `This key is a ${data.viewer.role.toLowerCase()}’s. What is here takes an admin’s.`}
        </p>
        <KeyForm />
      </div>
    );
  }
  return (
    <>
      <h1 class="page-title">Admin</h1>
      <nav class="tabs" aria-label="Admin">
        {TABS.map(([path, label]) => (
          <Link
            key={path}
            href={`/admin${path && `/${path}`}`}
            aria-current={path === rest ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
      {tab === undefined
        ? (
          <Empty title="There is nothing here">
            <p>
              Admin has no page of this name. <Link href="/admin">Defaults</Link>
            </p>
          </Empty>
        )
        : <Tab of={tab[2]} />}
    </>
  );
}

function Tab({ of: Component }: { of: FunctionComponent }) {
  return <Component />;
}
