/** What verifying a model may find, as data: one form for people, scripts and the API. */

export type MismatchKind =
  /** A file's bytes are not those that were recorded. */
  | "FILE_HASH"
  | "FILE_MISSING"
  | "FILE_EXTRA"
  /** The recorded manifest hash (or size) of the artifact or of a parent is not that of the recorded files. */
  | "MANIFEST_HASH"
  /** The recorded configuration is not the one that was hashed, or not the one in the folder. */
  | "CONFIGURATION"
  /** A file cannot be read as what it should be; `found` says why. */
  | "UNREADABLE"
  | "TENSOR_MISSING"
  | "TENSOR_EXTRA"
  /** A tensor's bytes are not those that were recorded. */
  | "TENSOR_HASH"
  /** Merging the parents again gives other bytes; `expected` is what it gives. */
  | "TENSOR_RECOMPUTED"
  /** The record's t, filter, … is not what its configuration means; `expected` is. */
  | "PARAMETER"
  /** It was computed by an edition of the method's arithmetic that this program does not have: nothing was merged again. */
  | "ARITHMETIC"
  /** A parent is not the one that was merged. */
  | "SOURCE_HASH";

export interface Mismatch {
  readonly kind: MismatchKind;
  /** The file, tensor, model or part of the record in question. */
  readonly subject: string;
  /** What of it, such as "t" or a parent's file; null where the kind says it all. */
  readonly field: string | null;
  /** Null where there should be nothing. */
  readonly expected: string | null;
  /** Null where there is nothing. */
  readonly found: string | null;
  /** The document before the output that it is about; absent where it is about the output. */
  readonly stage?: string;
}

const WORDS: Readonly<Record<MismatchKind, (mismatch: Mismatch) => string>> = {
  FILE_HASH: ({ subject }) => `file "${subject}" has other bytes than recorded`,
  FILE_MISSING: ({ subject }) => `file "${subject}" is missing`,
  FILE_EXTRA: ({ subject }) => `file "${subject}" is not in the record`,
  MANIFEST_HASH: ({ subject, field }) =>
    `the recorded ${field ?? "manifest hash"} of ${subject} is not that of the recorded files`,
  CONFIGURATION: ({ subject }) => `${subject} is not the recorded configuration`,
  UNREADABLE: ({ subject, found }) => `${subject} cannot be read: ${found}`,
  TENSOR_MISSING: ({ subject }) => `tensor "${subject}" is missing`,
  TENSOR_EXTRA: ({ subject }) => `tensor "${subject}" is not in the record`,
  TENSOR_HASH: ({ subject }) => `tensor "${subject}" has other bytes than recorded`,
  TENSOR_RECOMPUTED: ({ subject }) => `tensor "${subject}" is not what its parents give`,
  PARAMETER: ({ subject, field }) =>
    `the record's ${field} of ${subject} is not what its configuration means`,
  ARITHMETIC: ({ subject }) =>
    `another edition of the arithmetic of "${subject}" made it, so it was not merged again`,
  SOURCE_HASH: ({ subject, field }) =>
    field === "manifest" || field === "sizeBytes"
      ? `parent "${subject}": its recorded ${field} is not that of another document`
      : `parent "${subject}": "${field}" is not the file that was merged`,
};

/** One line: what is wrong, what was found and what was expected. */
export function describeMismatch(mismatch: Mismatch): string {
  const { kind, expected, found, stage } = mismatch;
  const where = stage === undefined ? "" : `in stage "${stage}", `;
  const values = kind === "UNREADABLE"
    ? ""
    : `: found ${found ?? "nothing"}, expected ${expected ?? "nothing"}`;
  return `${kind}  ${where}${WORDS[kind](mismatch)}${values}`;
}
