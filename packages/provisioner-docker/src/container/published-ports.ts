import { isIP } from 'node:net';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { DockerConfig } from '../settings/docker-settings.ts';

const FIRST_PORT = 50_100;
/** Five of the kernel's, one of the launcher's own, and two to spare. */
const PORTS = 8;

/** What launchers choose their ports from, where the ports of containers are published. */
export const PUBLISHED_RANGE = `${String(FIRST_PORT)}..${String(FIRST_PORT + PORTS - 1)}`;

/** Launchers refuse a range so small, and give up after a few ports that are taken, unless they are told otherwise. */
export const SMALL_RANGE_ENV: Readonly<Record<string, string>> = {
  MIN_PORT_RANGE_SIZE: '6',
  MAX_PORT_RANGE_RETRIES: '1000',
  EG_MIN_PORT_RANGE_SIZE: '6',
  EG_MAX_PORT_RANGE_RETRIES: '1000',
};

/** Where ports of containers are bound on the engine's machine, and where that is seen from here. */
export interface Publication {
  readonly bindAddress: string;
  readonly host: string;
}

/** Undefined when kernels are reached at their containers' addresses. Errors: `INVALID_CONFIG`. */
export function publicationOf(config: DockerConfig, engineAddress: string): Publication | undefined {
  if (config.publish_ports !== true || config.docker_network === 'host') return undefined;
  const engineHost = hostOfEngine(engineAddress);
  const { publish_address: address } = config;
  if (address !== undefined) return { bindAddress: address, host: engineHost ?? seenFromHere(address) };
  if (engineHost === undefined) return { bindAddress: '127.0.0.1', host: '127.0.0.1' };
  if (isIP(engineHost) !== 0) return { bindAddress: engineHost, host: engineHost };
  throw new ProvisionerError(
    'INVALID_CONFIG',
    `publish_ports: the engine at ${engineAddress} is on another machine; set publish_address to the address of that ` +
      'machine at which ports of kernels are to be bound',
  );
}

/** The machine of an engine that is spoken to over the network; undefined for a socket of this one. */
export function hostOfEngine(engineAddress: string): string | undefined {
  return /^(?:tcp|https?|ssh):\/\/(?:[^@/]*@)?\[?([^\]/]+?)\]?(?::\d+)?\/?$/.exec(engineAddress)?.[1];
}

export function publishedPorts({ bindAddress }: Publication): readonly {
  readonly containerPort: number;
  readonly hostAddress: string;
}[] {
  return Array.from({ length: PORTS }, (_, index) => ({ containerPort: FIRST_PORT + index, hostAddress: bindAddress }));
}

function seenFromHere(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
