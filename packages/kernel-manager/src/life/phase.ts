import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelPhase } from '../types.ts';

/**
 * - `created`: the provisioner has launched it, or it was attached to
 * - `answered`: it answered and its output flows
 * - `restart`: somebody asked for it, or it died and is started again
 * - `stop`: it is to be removed
 * - `ended`: it died and stays dead, or could not be started, or was removed
 */
export type PhaseEvent = 'created' | 'answered' | 'restart' | 'stop' | 'ended';

/** All that can happen, in one place; what is not here cannot. */
const transitions: Readonly<Record<KernelPhase, Readonly<Partial<Record<PhaseEvent, KernelPhase>>>>> = {
  launching: { created: 'connecting', stop: 'stopping', ended: 'ended' },
  connecting: { answered: 'running', restart: 'restarting', stop: 'stopping', ended: 'ended' },
  running: { restart: 'restarting', stop: 'stopping', ended: 'ended' },
  restarting: { created: 'connecting', stop: 'stopping', ended: 'ended' },
  stopping: { ended: 'ended' },
  // A dead kernel stays in the listing: it can be restarted, or removed.
  ended: { restart: 'restarting', stop: 'stopping' },
};

/** The phase after an event. Throws `INVALID_STATE` when the event does not fit. */
export function nextPhase(phase: KernelPhase, event: PhaseEvent): KernelPhase {
  const next = transitions[phase][event];
  if (next === undefined) {
    throw new ProvisionerError('INVALID_STATE', `a kernel that is ${phase} cannot take "${event}"`);
  }
  return next;
}

export function canTake(phase: KernelPhase, event: PhaseEvent): boolean {
  return transitions[phase][event] !== undefined;
}
