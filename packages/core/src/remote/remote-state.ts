import { z } from 'zod';
import type { ConnectionInfo } from '../connection-info.ts';
import { ProvisionerError } from '../errors.ts';
import type { JsonObject } from '../kernel-spec.ts';
import type { ProvisionerState, ResourceOwner } from '../provisioner.ts';
import type { CommState } from '../rendezvous.ts';
import { storedConnectionInfo } from '../stored-connection-info.ts';

/** What is stored of a remote kernel. Holds secrets: the HMAC key, the key of the comm channel. */
export interface RemoteState extends ResourceOwner {
  /** What an interrupt sends; 2 unless the kernelspec says otherwise. */
  readonly interruptSignal: number;
  /** The backend's own: see {@link RemoteResource.state}. */
  readonly resource: JsonObject;
  /** Absent until the launcher has answered. */
  readonly connection?: ConnectionInfo;
  readonly peerAddress?: string;
  readonly comm?: CommState;
}

const port = z.int().min(1).max(65_535);

const schema = z.object({
  version: z.literal(1),
  instanceId: z.string().min(1),
  kernelId: z.string().min(1),
  incarnation: z.int().min(1),
  interruptSignal: z.int().min(1).max(64),
  resource: z.record(z.string(), z.json()),
  connection: storedConnectionInfo
    .extend({ transport: z.literal('tcp') })
    .loose()
    .exactOptional(),
  peerAddress: z.string().exactOptional(),
  comm: z
    .object({
      version: z.union([z.literal(1), z.literal(2)]),
      kernelId: z.string(),
      host: z.string(),
      port,
      key: z.string().exactOptional(),
      leaseMs: z.number().min(0).exactOptional(),
    })
    .exactOptional(),
});

/** JSON to be kept with the kernel's record. */
export function formatRemoteState(state: RemoteState): ProvisionerState {
  // Through text, so that absent members are absent and nothing is shared with the caller.
  const plain: unknown = JSON.parse(JSON.stringify({ version: 1, ...state }));
  return z.record(z.string(), z.json()).parse(plain);
}

/** Enough to remove a kernel of which nothing else is known. */
export function leastRemoteState(owner: ResourceOwner, resource: JsonObject): ProvisionerState {
  const { instanceId, kernelId, incarnation } = owner;
  return formatRemoteState({ instanceId, kernelId, incarnation, interruptSignal: 2, resource });
}

/** Errors: `INVALID_ARGUMENT` with the names of the members that are wrong; values are not repeated. */
export function parseRemoteState(state: ProvisionerState): RemoteState {
  const parsed = schema.safeParse(state);
  if (!parsed.success) {
    const members = parsed.error.issues.map(({ path }) => path.map(String).join('.') || 'state');
    throw new ProvisionerError('INVALID_ARGUMENT', `this is not the state of a remote kernel: ${members.join(', ')}`);
  }
  return parsed.data;
}
