/** A model hub, and how patient a download is with it. */
/** Whoever sends less than this while he is waited for has as good as stopped. */
export interface LeastRate {
  readonly bytesPerSecond: number;
  /** Of waiting, over which it is looked at. */
  readonly overMs: number;
}

export interface Hub {
  /** Origin and perhaps a path, without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** How long a connection may be silent. */
  readonly stallMs?: number;
  /** How slowly it may send. */
  readonly leastRate?: LeastRate;
  /** The first pause between tries; doubled with each that follows. */
  readonly pauseMs?: number;
  /** Told before each pause that follows a connection that could not be made or has broken. */
  readonly onUnreachable?: (host: string) => void;
}
