import { ProvisionerError, errorMessage, isProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { ErrorCode } from '@gateway-provisioners/core';

/** What was being done to what, for messages: `start container`, its name. */
export interface EngineSubject {
  readonly action: string;
  readonly subject?: string | undefined;
  readonly engine: string;
  /** What a status means here, where that is not what it usually means. */
  readonly codes?: Readonly<Record<number, ErrorCode>> | undefined;
}

/** The HTTP status of an error of the client library; undefined when no answer came. */
export function engineStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** An error of the client library as one of ours: by its status, never by its text. Ours are returned as they are. */
export function toEngineError(error: unknown, what: EngineSubject): ProvisionerError {
  if (isProvisionerError(error)) return error;
  const status = engineStatus(error);
  const code = (status === undefined ? undefined : what.codes?.[status]) ?? codeOf(status);
  const words = status === undefined ? unavailableWords(error, what.engine) : engineWords(error);
  const about = what.subject === undefined ? what.action : `${what.action} ${what.subject}`;
  return new ProvisionerError(code, `could not ${about}: ${words}`, {
    cause: error,
    coordinates: { engine: what.engine, status },
  });
}

function codeOf(status: number | undefined): ErrorCode {
  if (status === undefined || status === 502 || status === 503 || status === 504) return 'ENGINE_UNAVAILABLE';
  return status === 409 ? 'ENGINE_CONFLICT' : 'ENGINE_REFUSED';
}

/** The engine's own sentence, without what the client library puts around it. */
function engineWords(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'json' in error) {
    const { json } = error;
    if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') {
      return json.message.trim();
    }
  }
  // docker-modem does not read the body of an answer that was to be a stream.
  return errorMessage(error)
    .replace(/^\(HTTP code \d+\) .*? - /s, '')
    .trim();
}

/** Codes of Node and OpenSSL for a server's certificate that does not do. */
const SERVER_CERTIFICATE = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;
/** What the other side says of ours: an alert of TLS. */
const CLIENT_CERTIFICATE = /^ERR_SSL_.*_ALERT_(.*CERTIFICATE.*|UNKNOWN_CA)$/;

function unavailableWords(error: unknown, engine: string): string {
  const code = systemErrorCode(error) ?? '';
  if (SERVER_CERTIFICATE.test(code)) {
    return `the certificate of ${engine} is not accepted (${errorMessage(error)}): see ca.pem in DOCKER_CERT_PATH`;
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return `${engine} does not accept our certificate: see cert.pem and key.pem in DOCKER_CERT_PATH`;
  }
  switch (code) {
    case 'ENOENT':
      return `no engine at ${engine}: start Docker, or set DOCKER_HOST`;
    case 'EACCES':
    case 'EPERM':
      return `no permission for ${engine}: the user must be allowed to use the engine's socket`;
    case 'ECONNREFUSED':
      return `nobody listens at ${engine}: start Docker, or correct DOCKER_HOST`;
    default:
      return `no contact with ${engine}: ${errorMessage(error)}`;
  }
}
