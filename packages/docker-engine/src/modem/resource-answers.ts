import { listOf, membersOf, textsOf } from '../config/json-members.ts';
import type { NetworkDetails, VolumeDetails } from '../engine-resources.ts';
import { notUnderstood } from './answers.ts';

/** `GET /networks/NAME` */
export function toNetworkDetails(answer: unknown): NetworkDetails {
  const { Id: id = '', Name: name = '', Driver: driver = '', Scope: scope = '' } = textsOf(answer);
  const { IPAM, Labels, Attachable } = membersOf(answer);
  const gateways = listOf(membersOf(IPAM)['Config']).flatMap((config) => {
    const gateway = textsOf(config)['Gateway'];
    // Some engines add the length of the network's prefix.
    return gateway === undefined ? [] : [gateway.replace(/\/.*$/, '')];
  });
  return { id, name, driver, scope, labels: textsOf(Labels), attachable: Attachable === true, gateways };
}

/** `GET /volumes/NAME` */
export function toVolumeDetails(answer: unknown): VolumeDetails {
  const { Name: name, Driver: driver = '' } = textsOf(answer);
  if (name === undefined) throw notUnderstood('a volume', undefined);
  const { Labels, Options } = membersOf(answer);
  return { name, driver, labels: textsOf(Labels), driverOptions: textsOf(Options) };
}
