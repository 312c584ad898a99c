import { z } from 'zod';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { ProvisionerState } from '@gateway-provisioners/core';

/** What is stored of a local kernel. Paths and numbers; the connection's key stays in its own 0600 file. */
const localStateSchema = z.object({
  version: z.literal(1),
  instanceId: z.string().min(1),
  kernelId: z.string().min(1),
  incarnation: z.int().min(1),
  /** Folder of log, ipc sockets and a copy of this state. */
  runDir: z.string().startsWith('/'),
  connectionFile: z.string().startsWith('/'),
  /** Number of the signal that interrupts. */
  interruptSignal: z.int().min(1).max(64),
  /** Absent until the process has been started. */
  process: z.object({ pid: z.int().min(2), startTime: z.string() }).optional(),
});

export type LocalState = z.infer<typeof localStateSchema>;

/** Errors: `INVALID_ARGUMENT` when the state is not one of this provisioner's. */
export function parseLocalState(state: ProvisionerState): LocalState {
  const parsed = localStateSchema.safeParse(state);
  if (parsed.success) return parsed.data;
  throw new ProvisionerError('INVALID_ARGUMENT', `not a state of local-provisioner: ${z.prettifyError(parsed.error)}`);
}

/** Reads a copy of the state; undefined for anything else. */
export function tryParseLocalState(text: string): LocalState | undefined {
  try {
    const parsed = localStateSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The state as JSON, without absent fields. */
export function toProvisionerState(state: LocalState): ProvisionerState {
  const { process, ...rest } = state;
  return { ...rest, ...(process === undefined ? {} : { process: { ...process } }) };
}
