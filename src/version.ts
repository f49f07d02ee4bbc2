/** The version that provenance records and `--version` name. */
export const VERSION = "0.1.0";
