export interface WebSocketServerOptions {
  /** ws stops reading a message beyond this. */
  readonly maxPayloadBytes: number;
  readonly oversizeReason: string;
  readonly compression: boolean;
  readonly closeTimeoutMs: number;
}
