import { ProvisionerError } from '@gateway-provisioners/core';

/** Why a gateway without authentication does not listen there. */
export function insecureConfiguration(ip: string): ProvisionerError {
  return new ProvisionerError(
    'INSECURE_CONFIGURATION',
    `auth is none, but ${ip} can be reached from other machines, and whoever reaches a gateway can run programs on it: ` +
      'use a token (leave out --auth none), or listen on 127.0.0.1',
  );
}
