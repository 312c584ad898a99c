import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';

/** What the operator gives to kernels, and how far requests may go; absent: no bound. */
export interface ResourceBounds {
  readonly cpus?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
  /** How many; 0: none. */
  readonly gpus: number;
  readonly max_cpus?: number | undefined;
  readonly max_memory?: number | undefined;
  readonly max_gpus?: number | undefined;
}

/** What a request chose; absent: nothing. */
export interface RequestedResources {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly gpus?: number;
}

type Variables = Pick<LaunchContext, 'env' | 'kernelSpec'>;

/**
 * Limits by the names that Kubernetes kernelspecs have for them: `KERNEL_CPUS`, `KERNEL_MEMORY`, `KERNEL_GPUS`, and with
 * `_LIMIT`. Of a pair the second is the limit, and the memory of the first is reserved. A request may go as far as
 * `max_…` says, else as far as the setting that it replaces; the kernelspec's own `env` as far as it likes.
 * Errors: `INVALID_ENV` for what is no amount, `FORBIDDEN` for more than is allowed.
 */
export function requestedResources(variables: Variables, bounds: ResourceBounds): RequestedResources {
  const cpus = limitOf('CPUS', variables, { read: readCores, most: bounds.max_cpus ?? bounds.cpus, what: 'cpus' });
  const memory = limitOf('MEMORY', variables, {
    read: readMemory,
    most: bounds.max_memory ?? bounds.memory,
    what: 'memory',
  });
  const gpus = limitOf('GPUS', variables, { read: readCount, most: bounds.max_gpus ?? bounds.gpus, what: 'gpus' });
  const reserved =
    variables.env['KERNEL_MEMORY_LIMIT'] === undefined ? undefined : amountOf('MEMORY', variables, readMemory);
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(memory === undefined || reserved === undefined ? {} : { memoryReservationBytes: Math.min(memory, reserved) }),
    ...(gpus === undefined ? {} : { gpus }),
  };
}

interface LimitOptions {
  /** Undefined for what is no amount. */
  readonly read: (text: string) => number | undefined;
  readonly most: number | undefined;
  readonly what: string;
}

function limitOf(resource: string, variables: Variables, { read, most, what }: LimitOptions): number | undefined {
  const name = [`KERNEL_${resource}_LIMIT`, `KERNEL_${resource}`].find((each) => isGiven(variables, each));
  if (name === undefined) return undefined;
  const amount = readAmount(name, variables, read);
  const { env, kernelSpec } = variables;
  if (most === undefined || amount <= most || env[name] === kernelSpec.env[name]) return amount;
  const allowed = most === 0 ? 'none is allowed' : `${String(most)} is the most`;
  throw new ProvisionerError(
    'FORBIDDEN',
    `${name} ${JSON.stringify(env[name])} is too much: ${allowed} by max_${what}`,
  );
}

function amountOf(resource: string, variables: Variables, read: LimitOptions['read']): number | undefined {
  const name = `KERNEL_${resource}`;
  return isGiven(variables, name) ? readAmount(name, variables, read) : undefined;
}

function isGiven({ env }: Variables, name: string): boolean {
  return (env[name] ?? '').trim() !== '';
}

function readAmount(name: string, { env }: Variables, read: LimitOptions['read']): number {
  const amount = read((env[name] ?? '').trim());
  if (amount !== undefined) return amount;
  const examples = name.includes('MEMORY') ? '512Mi or 2G' : name.includes('CPUS') ? '1.5 or 500m' : '1';
  throw new ProvisionerError('INVALID_ENV', `${name} must be an amount such as ${examples}`);
}

/** `1.5`, or thousandths: `500m`; undefined for what is no amount. */
export function readCores(text: string): number | undefined {
  const [, digits = '', thousandths = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(m?)$/.exec(text) ?? [];
  if (digits === '') return undefined;
  const amount = Number(digits) / (thousandths === '' ? 1 : 1000);
  return amount >= 0.01 ? amount : undefined;
}

const BINARY: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** As Kubernetes writes bytes (`512Mi`, `2G`: decimal without the i), and as Docker does (`512m`, `2g`: binary); else undefined. */
export function readMemory(text: string): number | undefined {
  const [, digits = '', prefix = '', i = ''] = /^(\d{1,15}(?:\.\d{1,9})?)([kKmMgGtTpP]?)(i?)[bB]?$/.exec(text) ?? [];
  if (digits === '' || (i !== '' && prefix === '')) return undefined;
  const isDecimal = i === '' && /[KMGTP]/.test(prefix);
  const bytes = Math.round(Number(digits) * (isDecimal ? 1000 : 1024) ** (BINARY[prefix.toLowerCase()] ?? 0));
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** At most four digits; else undefined. */
export function readCount(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}
