/** Where a launch stands. Not every backend passes through every phase; `ready` and `failed` are final. */
export type LaunchPhase = 'queued' | 'scheduling' | 'pulling' | 'starting' | 'connecting' | 'ready' | 'failed';

export interface LaunchProgress {
  readonly phase: LaunchPhase;
  /** The backend's own words: "pulling layer 3 of 7", "0/4 nodes are available". */
  readonly message?: string;
  /** 0..1 within the phase, where the backend knows. */
  readonly fraction?: number;
}

export type ReportProgress = (progress: LaunchProgress) => void;
