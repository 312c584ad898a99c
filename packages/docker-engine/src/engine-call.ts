export interface EngineCall {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the engine must have answered. Default: the engine's own setting, 30,000. */
  readonly timeoutMs?: number | undefined;
}
