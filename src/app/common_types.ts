/** What all of the use cases speak of. */

export type Role = "VIEWER" | "GENERATOR" | "ADMIN";

/** Who is asking. Anonymous callers exist on loopback only. */
export interface Principal {
  /** Key id, or "anonymous". Owns sessions and generations. */
  readonly id: string;
  readonly role: Role;
  /** What the key is called; absent for those who came without one. */
  readonly label?: string;
  /** From then on the key lets nobody in; absent or null: never. */
  readonly expiresAt?: Date | null;
}

export type ModelRef = { readonly id: string } | { readonly name: string };

/** Forward pagination: `after` is an opaque cursor of an earlier page. `first` is 1 … 100. */
export interface PageArgs {
  readonly first?: number;
  readonly after?: string;
}
export interface Page<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly hasNextPage: boolean;
  readonly totalCount: number;
}
