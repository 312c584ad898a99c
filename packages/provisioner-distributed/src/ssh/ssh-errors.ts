import { ProvisionerError, errorMessage, isProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { SshTarget } from './ssh-connection.ts';

/** An error of the SSH library while a connection was being made, in our terms. */
export function connectError(error: unknown, target: SshTarget): ProvisionerError {
  if (isProvisionerError(error)) return error;
  const coordinates = { host: target.name, address: target.host, port: target.port, user: target.user };
  const text = errorMessage(error);
  const level = levelOf(error);
  if (level === 'client-authentication' || /authentication failures/i.test(text)) {
    return new ProvisionerError(
      'HOST_AUTHENTICATION_FAILED',
      `the SSH server refused every way to log in that is configured (${ways(target)}); check the user, and that the ` +
        'public key is in its authorized_keys',
      { cause: error, coordinates },
    );
  }
  if (/no matching|Handshake failed/i.test(text)) {
    const message = `no common algorithm with the SSH server: ${text}`;
    return new ProvisionerError('HOST_UNREACHABLE', message, { cause: error, coordinates, retryable: false });
  }
  return new ProvisionerError('HOST_UNREACHABLE', `no SSH connection: ${text}`, { cause: error, coordinates });
}

/** The server hung up before it said who it is: it limits how many may be logging in at once (MaxStartups). */
export function isTurnedAway(error: unknown): boolean {
  const text = errorMessage(error);
  return (
    text.includes('Connection lost before handshake') ||
    systemErrorCode(error) === 'ECONNRESET' ||
    (isProvisionerError(error) && error.cause !== undefined && isTurnedAway(error.cause))
  );
}

/** The connection is gone, or was closed by us. */
export function connectionLost(what: string, cause?: unknown): ProvisionerError {
  return new ProvisionerError('CONNECTION_LOST', `the SSH connection broke: ${what}`, { cause });
}

/** Why the server did not open a channel (RFC 4254, 5.1). */
export function channelError(error: unknown, what: string): Error {
  const reason = typeof error === 'object' && error !== null && 'reason' in error ? error.reason : undefined;
  const text = errorMessage(error);
  if (reason === 2 || reason === 'CONNECT_FAILED') {
    // What a TCP connection would say, which callers know.
    return Object.assign(new Error(`${what}: connection refused`, { cause: error }), { code: 'ECONNREFUSED' });
  }
  if (reason === 1 || reason === 'ADMINISTRATIVELY_PROHIBITED' || text.includes('Unable to bind')) {
    return new ProvisionerError(
      'FORWARDING_REFUSED',
      `${what}: the SSH server does not allow it; set AllowTcpForwarding in its sshd_config, or reach kernels directly`,
      { cause: error },
    );
  }
  if (/Not connected|No response from server|Channel.*clos/i.test(text)) return connectionLost(what, error);
  return new ProvisionerError('CONNECTION_LOST', `${what}: ${text}`, { cause: error });
}

function levelOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'level' in error ? error.level : undefined;
}

function ways(target: SshTarget): string {
  const list = [
    ...target.keyFiles.map((path) => `key ${path}`),
    ...(target.agent === undefined ? [] : ['agent']),
    ...(target.password === undefined ? [] : ['password']),
  ];
  return list.length === 0 ? 'none' : list.join(', ');
}
