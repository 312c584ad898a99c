import { isIP } from 'node:net';
import { ProvisionerError } from '@gateway-provisioners/core';

/** `host:port` with an IPv6 address in brackets: exactly one colon otherwise, as launchers of version 1 demand. */
export function formatHostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`. Errors: `INVALID_ARGUMENT`.
 */
export function parseHostPort(text: string): { readonly host: string; readonly port: number | undefined } {
  if (isIP(text) === 6) return { host: text, port: undefined };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  const isHost = plain !== undefined || (bracketed !== undefined && isIP(bracketed) === 6);
  const host = plain ?? bracketed;
  if (host === undefined || !isHost || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new ProvisionerError('INVALID_ARGUMENT', `expected host, host:port or [IPv6]:port, not '${text}'`);
  }
  return { host, port };
}
