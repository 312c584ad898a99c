import type { KernelConnection } from '../connection-info.ts';
import { observed } from '../observed.ts';
import type { Observed } from '../observed.ts';
import type { CommChannel, CommState, Rendezvous } from '../rendezvous.ts';
import type { WayToKernel } from './remote-resource.ts';

interface OpenedWay {
  readonly connection: Observed<KernelConnection>;
  readonly comm: CommChannel | undefined;
  /** As it is to be stored. */
  readonly commState: { readonly comm?: CommState };
}

/** Nothing is contacted yet. */
export async function openWay(
  way: WayToKernel,
  { comm, rendezvous }: { readonly comm: CommState | undefined; readonly rendezvous: Rendezvous },
): Promise<OpenedWay> {
  const connection = 'subscribe' in way.connection ? way.connection : observed<KernelConnection>(way.connection);
  if (comm === undefined) return { connection, comm: undefined, commState: {} };
  const state = way.commHost === undefined ? comm : { ...comm, host: way.commHost };
  return { connection, comm: await rendezvous.openComm(state, { dial: way.dialComm }), commState: { comm: state } };
}
