import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { ProvisionerError, z85Decode } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';

const MAX_PORT = 65_535;
const DIGITS = /^[0-9]{1,5}$/;
/** Host names as resolvers take them: labels of letters, digits, hyphens and underscores, 63 characters each. */
const HOST_NAME =
  /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
const CURVE_KEY_LENGTH = 40;

/**
 * Checks the contents of a Jupyter connection file, or what a launcher sent back. `transport` defaults to `tcp` and
 * `signature_scheme` to `hmac-sha256`; ports may be numbers or their decimal text, the key text or bytes, an IPv6
 * address may stand in brackets; unknown keys are ignored.
 * Throws `INVALID_CONNECTION_INFO` that lists every problem; values of secrets are not shown.
 */
export function parseConnectionInfo(value: unknown): ConnectionInfo {
  if (!isRecord(value)) throw invalid(['it is not a JSON object']);
  const reader = new FieldReader(value);
  const transport = reader.choice('transport', ['tcp', 'ipc']);
  const info = {
    transport,
    ip: reader.address(transport),
    shell_port: reader.port('shell_port'),
    iopub_port: reader.port('iopub_port'),
    stdin_port: reader.port('stdin_port'),
    control_port: reader.port('control_port'),
    hb_port: reader.port('hb_port'),
    key: reader.key(),
    signature_scheme: reader.choice('signature_scheme', ['hmac-sha256']),
    ...reader.kernelName(),
    ...reader.curveKeys(),
  };
  if (reader.problems.length > 0) throw invalid(reader.problems);
  return info;
}

function invalid(problems: readonly string[]): ProvisionerError {
  return new ProvisionerError('INVALID_CONNECTION_INFO', `connection info cannot be used: ${problems.join('; ')}`);
}

/** Reads one field after another and notes what is wrong instead of stopping; what it returns then is not used. */
class FieldReader {
  readonly problems: string[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  /** One of the values, the first by default. */
  choice<const T extends string>(name: string, values: readonly [T, ...T[]]): T {
    const value = this.#get(name) ?? values[0];
    const known = values.find((candidate) => candidate === value);
    if (known === undefined) this.#problem(name, `is not ${values.map((word) => `"${word}"`).join(' or ')}`, value);
    return known ?? values[0];
  }

  address(transport: 'tcp' | 'ipc'): string {
    const value = this.#get('ip');
    if (value === undefined) this.#problem('ip', 'is missing');
    else if (typeof value !== 'string') this.#problem('ip', 'is not text', value);
    else if (transport === 'ipc') return this.#pathPrefix(value);
    else return this.#host(value);
    return '';
  }

  #pathPrefix(value: string): string {
    if (value === '' || value.includes('\0')) this.#problem('ip', 'is not the prefix of a path', value);
    return value;
  }

  #host(value: string): string {
    const bracketed = /^\[(.*)\]$/.exec(value)?.[1];
    const isHost = bracketed === undefined ? isIP(value) !== 0 || HOST_NAME.test(value) : isIP(bracketed) === 6;
    if (!isHost) this.#problem('ip', 'is neither an IP address nor a host name', value);
    return bracketed ?? value;
  }

  port(name: string): number {
    const value = this.#get(name);
    const port = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
    if (port === undefined) this.#problem(name, 'is missing');
    else if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > MAX_PORT) {
      this.#problem(name, `is not a port (1 to ${MAX_PORT})`, value);
    } else return port;
    return 0;
  }

  key(): string {
    const value = this.#get('key');
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return Buffer.from(value).toString();
    this.#problem(
      'key',
      value === undefined ? 'is missing (empty text disables signing)' : 'is neither text nor bytes',
    );
    return '';
  }

  kernelName(): { readonly kernel_name?: string } {
    const value = this.#get('kernel_name');
    if (typeof value === 'string') return { kernel_name: value };
    if (value !== undefined) this.#problem('kernel_name', 'is not text', value);
    return {};
  }

  curveKeys(): { readonly curve_publickey?: string; readonly curve_secretkey?: string } {
    const publicKey = this.#curveKey('curve_publickey');
    const secretKey = this.#curveKey('curve_secretkey');
    if (publicKey === undefined && secretKey === undefined) return {};
    if (secretKey === undefined) this.#problem('curve_secretkey', 'is missing, though there is a curve_publickey');
    else if (publicKey === undefined) this.#problem('curve_publickey', 'is missing, though there is a curve_secretkey');
    else return { curve_publickey: publicKey, curve_secretkey: secretKey };
    return {};
  }

  #curveKey(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
    if (typeof text === 'string' && isCurveKey(text)) return text;
    this.#problem(name, 'is not a key of 40 Z85 characters');
    return '';
  }

  /** Null is what some launchers write for "none". */
  #get(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  #problem(name: string, what: string, value?: unknown): void {
    const shown = value === undefined ? '' : ` (got ${describe(value)})`;
    this.problems.push(`${name} ${what}${shown}`);
  }
}

function isCurveKey(text: string): boolean {
  if (text.length !== CURVE_KEY_LENGTH) return false;
  try {
    z85Decode(text);
    return true;
  } catch {
    return false;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
