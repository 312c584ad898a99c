/**
 * What an error means to whoever handles it, independent of any transport.
 * The gateway maps kinds to HTTP status in one place; a CLI maps them to exit codes.
 */
export type ErrorKind =
  | 'invalid-input'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'limit'
  | 'too-large'
  | 'timeout'
  | 'cancelled'
  | 'unavailable'
  | 'failed'
  | 'protocol'
  | 'internal';

interface ErrorCodeEntry {
  readonly kind: ErrorKind;
  /** True when the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** What happened, and what the reader can do about it. Shown in docs/reference/errors.md. */
  readonly summary: string;
}

/**
 * Every code that our packages use, in one table. Codes are never renamed; `docs/reference/errors.md` lists the same
 * codes and a test compares the two.
 */
export const errorCatalogue = {
  INVALID_ARGUMENT: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'An option or argument has a wrong shape or value. The message names it.',
  },
  INVALID_REQUEST: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'A request body, path or query is malformed. The message says where.',
  },
  INVALID_ENV: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'A variable name or value in `env` is not acceptable. The message names the variable, never its value.',
  },
  INVALID_KERNEL_ID: {
    kind: 'invalid-input',
    retryable: false,
    summary: '`KERNEL_ID` is not a lower-case UUID. Leave it out to have one chosen.',
  },
  INVALID_CONFIG: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'One or more settings are wrong. Every problem is listed with its key, value and source.',
  },
  INVALID_CONNECTION_INFO: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'A connection file or launcher answer lacks ports, key or transport, or they have a wrong form.',
  },
  INVALID_PORT_RANGE: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'A port range is not `low..high`, too small, or outside 1024..65535.',
  },
  KERNELSPEC_INVALID: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'A `kernel.json` cannot be used. The message names the file and each wrong field.',
  },
  KERNELSPEC_NOT_FOUND: {
    kind: 'not-found',
    retryable: false,
    summary: 'No kernelspec has that name. The message lists close names.',
  },
  KERNEL_NOT_FOUND: {
    kind: 'not-found',
    retryable: false,
    summary: 'No kernel has that id, or it belongs to somebody else.',
  },
  SESSION_NOT_FOUND: { kind: 'not-found', retryable: false, summary: 'No session has that id.' },
  RESOURCE_NOT_FOUND: {
    kind: 'not-found',
    retryable: false,
    summary: 'The path, or the file of a kernelspec, does not exist.',
  },
  KERNEL_ID_IN_USE: {
    kind: 'conflict',
    retryable: false,
    summary: 'The requested `KERNEL_ID` belongs to a kernel that is running or starting.',
  },
  INVALID_STATE: {
    kind: 'conflict',
    retryable: false,
    summary: 'The call does not fit the state that the kernel or object is in. The message names the state.',
  },
  RECORD_CONFLICT: {
    kind: 'conflict',
    retryable: true,
    summary: 'The stored record was changed by somebody else since it was read.',
  },
  LIMIT_EXCEEDED: {
    kind: 'limit',
    retryable: true,
    summary: 'A limit on kernels is reached. The message names the limit and its value.',
  },
  MESSAGE_TOO_LARGE: {
    kind: 'too-large',
    retryable: false,
    summary: 'A request body, frame or message is larger than the configured maximum.',
  },
  UNAUTHENTICATED: { kind: 'unauthenticated', retryable: false, summary: 'The token is missing or wrong.' },
  FORBIDDEN: { kind: 'forbidden', retryable: false, summary: 'The caller is known but not allowed to do this.' },
  ORIGIN_FORBIDDEN: {
    kind: 'forbidden',
    retryable: false,
    summary: 'The page that sent the request is on an origin that is not allowed.',
  },
  LAUNCH_TIMEOUT: {
    kind: 'timeout',
    retryable: true,
    summary: 'The kernel was not ready before the launch deadline. The message carries the tail of its log.',
  },
  LAUNCH_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'The kernel could not be started. The message carries the reason and the tail of its log.',
  },
  KERNEL_DIED: {
    kind: 'failed',
    retryable: false,
    summary: 'The kernel ended. The message carries how, and the tail of its log.',
  },
  KERNEL_UNREACHABLE: {
    kind: 'unavailable',
    retryable: true,
    summary: 'The kernel cannot be contacted now; it may still be alive.',
  },
  EXECUTION_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'Code that was executed raised an error in the kernel.',
  },
  DEADLINE_EXCEEDED: {
    kind: 'timeout',
    retryable: true,
    summary: 'Something took longer than its deadline. The message says what and how long.',
  },
  CANCELLED: { kind: 'cancelled', retryable: true, summary: 'The caller aborted the operation.' },
  PROTOCOL_ERROR: {
    kind: 'protocol',
    retryable: false,
    summary: 'A peer sent something that the protocol does not allow. The message says which rule was broken.',
  },
  BAD_SIGNATURE: {
    kind: 'protocol',
    retryable: false,
    summary: 'A message was not signed with the key of the kernel, or a signature was used twice.',
  },
  CONNECTION_LOST: { kind: 'unavailable', retryable: true, summary: 'The connection to a peer broke.' },
  ENCRYPTION_UNAVAILABLE: {
    kind: 'failed',
    retryable: false,
    summary: 'Transport encryption is required, but the kernelspec, the kernel or the library cannot do it.',
  },
  RENDEZVOUS_UNAVAILABLE: {
    kind: 'failed',
    retryable: false,
    summary: 'A provisioner needs a launcher to call back, but no response listener is configured.',
  },
  HOST_UNREACHABLE: {
    kind: 'unavailable',
    retryable: true,
    summary: 'No SSH connection to a host could be made. The message names the host and the reason.',
  },
  HOST_AUTHENTICATION_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'An SSH server refused every way to log in, or a key file cannot be used. The message says which.',
  },
  HOST_KEY_REJECTED: {
    kind: 'failed',
    retryable: false,
    summary: 'The key that an SSH server showed is not known, has changed or is revoked. The message says which.',
  },
  HOST_COMMAND_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'What was run on a remote host did not work. The message carries what it printed.',
  },
  FORWARDING_REFUSED: {
    kind: 'failed',
    retryable: false,
    summary: 'An SSH server does not allow forwarded connections, which tunnelled kernels need.',
  },
  IMPERSONATION_REFUSED: {
    kind: 'failed',
    retryable: false,
    summary: 'A host does not let a kernel run as its user: no such user, or sudo refuses. The message says which.',
  },
  PROVISIONER_NOT_FOUND: {
    kind: 'not-found',
    retryable: false,
    summary: 'A kernelspec names a provisioner that is neither built in, configured nor discovered.',
  },
  PROVISIONER_DUPLICATE: {
    kind: 'conflict',
    retryable: false,
    summary: 'Two packages offer a provisioner of the same name. The message names both.',
  },
  PROVISIONER_MANIFEST_INVALID: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'The `gatewayProvisioners` field of a package.json has a wrong shape.',
  },
  PROVISIONER_LOAD_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'A provisioner package could not be resolved, imported or read, or offers another name.',
  },
  PROVISIONER_API_MISMATCH: {
    kind: 'failed',
    retryable: false,
    summary: 'A provisioner package was written for another version of the contract.',
  },
  PROVISIONER_NOT_BRANDED: {
    kind: 'failed',
    retryable: false,
    summary: 'The default export of a provisioner package was not made by `defineProvisioner`.',
  },
  PROVISIONER_SCHEMA_INVALID: {
    kind: 'failed',
    retryable: false,
    summary: 'The `configSchema` of a provisioner package is no Standard Schema, or does not answer as one.',
  },
  PROVISIONER_CREATE_FAILED: {
    kind: 'failed',
    retryable: false,
    summary: 'A provisioner could not be created: `create` of its package failed or gave no provisioner.',
  },
  ENGINE_UNAVAILABLE: {
    kind: 'unavailable',
    retryable: true,
    summary: 'The container engine cannot be contacted. The message says where it was looked for.',
  },
  ENGINE_REFUSED: {
    kind: 'failed',
    retryable: false,
    summary: 'The container engine did not do what it was asked for. The message carries its own words.',
  },
  ENGINE_CONFLICT: {
    kind: 'conflict',
    retryable: true,
    summary: 'What the container engine was asked for does not fit what it has: a name is taken.',
  },
  ENGINE_NOT_MANAGER: {
    kind: 'failed',
    retryable: false,
    summary: 'A call that only a manager of a swarm can answer was made to an engine that is none.',
  },
  ENGINE_RESOURCE_NOT_FOUND: {
    kind: 'failed',
    retryable: false,
    summary: 'A network, configuration or secret that a service refers to does not exist. The message names it.',
  },
  ENGINE_RESOURCE_IN_USE: {
    kind: 'conflict',
    retryable: true,
    summary: 'A volume, network, configuration or secret cannot be removed while something uses it.',
  },
  IMAGE_NOT_FOUND: {
    kind: 'failed',
    retryable: false,
    summary: 'Neither the container engine nor a registry has the image. The message names it.',
  },
  IMAGE_PULL_FAILED: {
    kind: 'failed',
    retryable: true,
    summary: 'An image could not be fetched from its registry. The message names it and carries the reason.',
  },
  STORE_CORRUPT: {
    kind: 'failed',
    retryable: false,
    summary: 'A stored record could not be read. It was set aside under the name given.',
  },
  GATEWAY_STOPPING: {
    kind: 'unavailable',
    retryable: true,
    summary: 'The gateway is being stopped and takes no new work. Kernels may outlive it.',
  },
  ADDRESS_IN_USE: { kind: 'unavailable', retryable: true, summary: 'The port to listen on is taken.' },
  INSECURE_CONFIGURATION: {
    kind: 'invalid-input',
    retryable: false,
    summary: 'The settings would expose the gateway without authentication. The message says what to change.',
  },
  INTERNAL: { kind: 'internal', retryable: false, summary: 'A defect in our code. Please report it.' },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A code from {@link errorCatalogue}, or one of a third party's own, which begins with `X_`. */
export type ErrorCode = keyof typeof errorCatalogue | `X_${string}`;
