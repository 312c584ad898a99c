/** Why a payload was not taken. */
export type RefusalReason =
  | 'undecodable'
  | 'unknown-kernel'
  | 'already-answered'
  | 'wrong-protocol'
  | 'foreign-peer'
  | 'not-authentic'
  | 'invalid-info'
  | 'too-large';

/** What a listener has seen since it was created. */
export interface ListenerCounters {
  readonly connections: number;
  readonly openConnections: number;
  /** Connections that were closed because newer ones needed the place. */
  readonly evicted: number;
  /** Connections that sent no complete payload in time. */
  readonly timedOut: number;
  readonly accepted: { readonly version0: number; readonly version1: number; readonly version2: number };
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Launches that wait for their launcher. */
  readonly waiting: number;
}

export class Counters {
  connections = 0;
  evicted = 0;
  timedOut = 0;
  readonly accepted: [version0: number, version1: number, version2: number] = [0, 0, 0];
  readonly refused: Record<RefusalReason, number> = {
    undecodable: 0,
    'unknown-kernel': 0,
    'already-answered': 0,
    'wrong-protocol': 0,
    'foreign-peer': 0,
    'not-authentic': 0,
    'invalid-info': 0,
    'too-large': 0,
  };

  snapshot(now: { readonly openConnections: number; readonly waiting: number }): ListenerCounters {
    const [version0, version1, version2] = this.accepted;
    return {
      connections: this.connections,
      evicted: this.evicted,
      timedOut: this.timedOut,
      accepted: { version0, version1, version2 },
      refused: { ...this.refused },
      ...now,
    };
  }
}
