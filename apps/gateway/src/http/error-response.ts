import { STATUS_CODES } from 'node:http';
import { errorCatalogue, isProvisionerError, ProvisionerError } from '@gateway-provisioners/core';
import type { ErrorCode, ErrorKind } from '@gateway-provisioners/core';

const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  'invalid-input': 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  limit: 429,
  'too-large': 413,
  timeout: 504,
  cancelled: 503,
  unavailable: 503,
  failed: 500,
  protocol: 502,
  internal: 500,
};

// The request is fine, what the operator installed is not: 400 or 404 would send the client to look at itself.
const serverSideCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'KERNELSPEC_INVALID',
  'INVALID_CONFIG',
  'INVALID_ARGUMENT',
  'INVALID_CONNECTION_INFO',
  'INVALID_PORT_RANGE',
  'PROVISIONER_NOT_FOUND',
  'PROVISIONER_MANIFEST_INVALID',
  'PROVISIONER_DUPLICATE',
]);

// What went wrong inside, and about which the client learns that it did, not where: messages of other codes may hold
// paths of this machine.
const discreetKinds: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['internal', 'protocol', 'failed']);
const frankCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LAUNCH_FAILED',
  'LAUNCH_TIMEOUT',
  'KERNEL_DIED',
  'ENCRYPTION_UNAVAILABLE',
  'RENDEZVOUS_UNAVAILABLE',
]);

const MAX_MESSAGE_LENGTH = 8192;

/** What clients are told: Jupyter's `reason` and `message`, and our stable code. */
export interface ErrorBody {
  /** The phrase of the HTTP status, never anything from the request. */
  readonly reason: string;
  readonly message: string;
  readonly code: ErrorCode;
}

/** The one place where an error becomes an HTTP status. */
export function errorStatus(error: ProvisionerError): number {
  return serverSideCodes.has(error.code) ? 500 : statusOfKind[error.kind];
}

/** `requestId` lets the operator find the log line of an error whose details the client is not shown. */
export function errorBody(error: ProvisionerError, requestId: string): ErrorBody {
  return {
    reason: STATUS_CODES[errorStatus(error)] ?? 'Error',
    message: clientMessage(error, requestId),
    code: error.code,
  };
}

/** An error that Fastify, Node or one of us raised, as one of ours. */
export function toRequestError(error: unknown): ProvisionerError {
  if (isProvisionerError(error)) return error;
  const status = statusCodeOf(error);
  const message = error instanceof Error ? error.message : 'unknown error';
  if (status === 413) {
    return new ProvisionerError('MESSAGE_TOO_LARGE', 'the request body is larger than this gateway accepts', {
      cause: error,
    });
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new ProvisionerError('INVALID_REQUEST', message, { cause: error });
  }
  return new ProvisionerError('INTERNAL', message, { cause: error });
}

function clientMessage(error: ProvisionerError, requestId: string): string {
  const discreet = discreetKinds.has(error.kind) || (serverSideCodes.has(error.code) && error.kind === 'invalid-input');
  if (discreet && !frankCodes.has(error.code)) {
    const summary = isCatalogued(error.code) ? errorCatalogue[error.code].summary : 'Something failed.';
    return `${summary} Details are in the gateway's log [request=${requestId}]`;
  }
  const message = error.message;
  return message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
}

function statusCodeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function isCatalogued(code: ErrorCode): code is keyof typeof errorCatalogue {
  return Object.hasOwn(errorCatalogue, code);
}
