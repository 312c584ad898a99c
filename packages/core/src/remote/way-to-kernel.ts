import type { KernelConnection } from '../connection-info.ts';
import { observed } from '../observed.ts';
import type { Observed } from '../observed.ts';
import type { CommChannel, CommState, Rendezvous } from '../rendezvous.ts';
import type { LauncherFacts, WayToKernel } from './remote-resource.ts';

interface OpenedWay {
  readonly connection: Observed<KernelConnection>;
  readonly comm: CommChannel | undefined;
  /** As it is to be stored. */
  readonly commState: { readonly comm?: CommState };
}

/** Where a backend knows no better way: at the address that the launcher gave. */
export function directWay(facts: LauncherFacts): WayToKernel {
  return { connection: { info: facts.connection } };
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
