/**
 * What the schema may not do to clients that exist: the last release is kept as schema/released.graphql, and a change
 * that could break a client of it fails, unless schema/accepted_changes.json names it with a reason.
 */
import { type BreakingChange, buildSchema, findBreakingChanges, type GraphQLSchema } from "graphql";

export interface AcceptedChange {
  /** As the check words it. */
  readonly change: string;
  readonly reason: string;
}

/** `TYPE: description`, for a list that people read. */
function describe({ type, description }: BreakingChange): string {
  return `${type}: ${description}`;
}

/** Sentences about what is wrong: changes nobody has accepted, and entries that accept nothing. Empty: all is well. */
export function schemaComplaints(
  released: string,
  current: GraphQLSchema,
  accepted: readonly AcceptedChange[],
): readonly string[] {
  const changes = findBreakingChanges(buildSchema(released), current).map(describe);
  const known = new Map(accepted.map(({ change, reason }) => [change, reason]));
  return [
    ...changes.filter((change) => !known.has(change)).map((change) => `This breaks clients: ${change}`),
    ...accepted.filter(({ reason }) => reason.trim() === "").map(({ change }) =>
      `No reason is given: ${change}`
    ),
    ...accepted.filter(({ change }) => !changes.includes(change))
      .map(({ change }) => `This is accepted and does not happen: ${change}`),
  ];
}

/** Throws where the text is no list of changes with reasons. */
export function parseAcceptedChanges(json: string): readonly AcceptedChange[] {
  const value: unknown = JSON.parse(json);
  const isChange = (entry: unknown): entry is AcceptedChange => {
    const { change, reason } = entry as Partial<AcceptedChange>;
    return typeof change === "string" && typeof reason === "string";
  };
  if (Array.isArray(value) && value.every(isChange)) return value;
  throw new Error('Expected a list of {"change": "…", "reason": "…"}');
}
