/** Who may come in. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { moment } from "../lib/format.ts";
import { type AccessRole, CreateKey, Keys, RevokeKey } from "../operations/generated.ts";
import { ConfirmButton, Copy, Loading, Problem, Section } from "../ui/parts.tsx";

const DAY_MS = 86_400_000;
const ROLES: readonly (readonly [AccessRole, string])[] = [
  ["GENERATOR", "Generator: reads, generates, keeps conversations"],
  ["VIEWER", "Viewer: reads models and merges"],
  ["ADMIN", "Admin: everything"],
];

export function KeysTab() {
  const { data, error, reload } = useQuery(Keys, {});
  const [label, setLabel] = useState("");
  const [role, setRole] = useState<AccessRole>("GENERATOR");
  const [secret, setSecret] = useState<string | null>(null);
  const [days, setDays] = useState("");
  const create = useAction(async () => {
    const expiresAt = days === ""
      ? {}
      : { expiresAt: new Date(Date.now() + Number(days) * DAY_MS).toISOString() };
    const input = { label: label.trim(), role, ...expiresAt };
    const made = accepted((await request(CreateKey, { input })).createApiKey);
    setSecret(made.secret);
    setLabel("");
    reload();
  });
  const revoke = useAction(async (id: string) => {
    accepted((await request(RevokeKey, { input: { id } })).revokeApiKey);
    reload();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    create.run();
  };
  return (
    <div class="two">
      <Section title="New key">
        <form class="key-new" onSubmit={submit}>
          <label>
            What it is for
            <input
              value={label}
              required
              maxLength={100}
              placeholder="The reading room"
              onInput={({ currentTarget }) => setLabel(currentTarget.value)}
            />
          </label>
          <label>
            Role
            <select value={role} onChange={({ currentTarget }) => setRole(currentTarget.value as AccessRole)}>
              {ROLES.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </select>
          </label>
          <label>
            Lets in for
            <select value={days} onChange={({ currentTarget }) => setDays(currentTarget.value)}>
              <option value="">as long as it is not revoked</option>
              <option value="1">a day</option>
              <option value="30">30 days</option>
              <option value="365">a year</option>
            </select>
          </label>
          <button type="submit" class="primary" disabled={create.busy || label.trim() === ""}>Create</button>
        </form>
        {create.error && <Problem error={create.error} />}
        {secret !== null && (
          <div class="secret" role="status">
            <p>
              <strong>Copy it now: it is shown this once.</strong>{" "}
              The gateway keeps a hash alone. Whoever gets it sends it as <code>Authorization: Bearer …</code>
            </p>
            <code>{secret}</code>
            <Copy text={secret} label="Copy the key" />
          </div>
        )}
      </Section>
      <Section title="Keys" note="The oldest first; a revoked key lets nobody in.">
        {error && <Problem error={error} retry={reload} />}
        {revoke.error && <Problem error={revoke.error} />}
        {data === undefined && !error && <Loading what="keys" />}
        <ul class="rows">
          {data?.apiKeys.map((key) => (
            <li key={key.id} class={`row ${key.revokedAt === null ? "" : "over"}`}>
              <div class="row-main">
                <strong>{key.label}</strong>
                <span class="tag">{key.role.toLowerCase()}</span>
                <span class="note">
                  <code>gsk_{key.prefix}_…</code>, created {moment(key.createdAt)}
                  {key.expiresAt &&
                    `, ${Date.parse(key.expiresAt) < Date.now() ? "expired" : "lets in until"} ${
                      moment(key.expiresAt)
                    }`}
                  {key.lastUsedAt && `, last used ${moment(key.lastUsedAt)}`}
                </span>
              </div>
              {key.revokedAt === null
                ? (
                  <ConfirmButton
                    label="Revoke"
                    what={key.label}
                    question="For good, with all its streams?"
                    disabled={revoke.busy}
                    onConfirm={() => revoke.run(key.id)}
                  />
                )
                : <span class="note">revoked {moment(key.revokedAt)}</span>}
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
