import type { Clock } from '../clock.ts';
import type { JsonObject } from '../kernel-spec.ts';
import type { Logger } from '../logger.ts';
import { assertOwnedBy } from '../ownership.ts';
import type { CallOptions, LaunchedKernel, ProvisionerState } from '../provisioner.ts';
import type { Rendezvous } from '../rendezvous.ts';
import { RemoteKernel } from './remote-kernel.ts';
import type { LauncherFacts, RemoteResource, WayToKernel } from './remote-resource.ts';
import { parseRemoteState } from './remote-state.ts';
import type { RemoteState } from './remote-state.ts';
import { directWay, openWay } from './way-to-kernel.ts';

export interface AttachRemoteKernelOptions<R extends RemoteResource> {
  readonly state: ProvisionerState;
  /** Kernels of other instances are refused. */
  readonly instanceId: string;
  readonly rendezvous: Rendezvous;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  /** Finds the resource again; undefined when it is gone. Rejects when that cannot be told now. */
  readonly open: (resource: JsonObject, owner: RemoteState) => Promise<R | undefined>;
  /** As in a launch. Default: directly, at the address that the launcher gave. */
  readonly connect?: (facts: LauncherFacts, resource: R, options: CallOptions) => Promise<WayToKernel>;
  readonly onReleased?: () => void;
}

/**
 * Takes over a kernel that an earlier process launched with {@link launchRemoteKernel}; its lease is renewed at once.
 * Undefined when it is gone. A resource whose launcher had not called home is removed: the keys with which it would have
 * answered went with that process. Errors: `INVALID_ARGUMENT` for a state that is none or is another instance's; those of
 * `open`, `connect` and the removal.
 */
export async function attachRemoteKernel<R extends RemoteResource>(
  options: AttachRemoteKernelOptions<R>,
): Promise<LaunchedKernel | undefined> {
  const state = parseRemoteState(options.state);
  assertOwnedBy(options.instanceId, state);
  const resource = await options.open(state.resource, state);
  if (resource === undefined) return undefined;
  try {
    const { connection: info, peerAddress } = state;
    if (info === undefined) {
      await resource.remove({ signal: options.signal });
      await resource[Symbol.asyncDispose]();
      return undefined;
    }
    const facts = { connection: info, ...(peerAddress === undefined ? {} : { peerAddress }) };
    const { signal, rendezvous } = options;
    const way = (await options.connect?.(facts, resource, { signal })) ?? directWay(facts);
    const { connection, comm, commState } = await openWay(way, { comm: state.comm, rendezvous });
    return new RemoteKernel({ ...options, state: { ...state, ...commState }, resource, connection, comm });
  } catch (error) {
    await resource[Symbol.asyncDispose]();
    throw error;
  }
}
