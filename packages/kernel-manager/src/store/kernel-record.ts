import type { ConnectionInfo, InterruptMode, JsonObject, ProvisionerState } from '@gateway-provisioners/core';

/**
 * - `launching`: written before anything was created; the launch has not been confirmed
 * - `connecting`: the kernel was created and can be attached to; it has not answered yet, and nothing was asked of it
 * - `running`: it has answered
 * - `ending`: its resources are being removed
 */
export type RecordPhase = 'launching' | 'connecting' | 'running' | 'ending';

/** What a manager must know to find, attach to, restart or remove a kernel. Holds secrets: the HMAC key, the env. */
export interface KernelRecord {
  readonly kernelId: string;
  /** Whose kernel it is: a manager leaves records of other instances alone. */
  readonly instanceId: string;
  readonly owner: string;
  readonly phase: RecordPhase;
  readonly incarnation: number;
  /** Milliseconds since the epoch of the first start. */
  readonly createdAt: number;
  /** Milliseconds since the epoch, as known when the record was last written. */
  readonly lastActivity: number;
  readonly kernelSpec: RecordedKernelSpec;
  /** What a restart launches with again. */
  readonly launch: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string | undefined };
  /** The provisioner's own words on what it created; absent until its first checkpoint. */
  readonly state?: ProvisionerState | undefined;
  readonly connection?: ConnectionInfo | undefined;
}

/** The parts of a kernelspec that a kernel needs when the kernelspec itself is gone or has changed. */
export interface RecordedKernelSpec {
  readonly name: string;
  readonly displayName: string;
  readonly language: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly interruptMode: InterruptMode;
  readonly metadata: JsonObject;
  readonly resourceDir?: string | undefined;
  readonly provisioner: { readonly provisionerName: string; readonly config: JsonObject };
}
