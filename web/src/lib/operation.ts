/** A GraphQL operation of the console, with the types of what it takes and gives. */
export interface Operation<Result, Variables> {
  readonly name: string;
  readonly kind: "query" | "mutation" | "subscription";
  /** Of `text`: the gateway runs it by this alone. */
  readonly sha256: string;
  readonly text: string;
  /** Never there: it only carries the types. */
  readonly types?: (variables: Variables) => Result;
}
