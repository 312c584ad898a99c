import { errorMessage, ProvisionerError } from '../errors.ts';
import type { ErrorCode } from '../error-codes.ts';
import { PROVISIONER_API_VERSION, PROVISIONER_BRAND } from '../provisioner.ts';
import type { ProvisionerDefinition } from '../provisioner.ts';
import { isStandardSchema } from '../standard-schema.ts';
import { guardDefinition } from './guarded-definition.ts';
import { formatOrigin, originCoordinates } from './provisioner-origin.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';

/**
 * Checks what a package exports, in this order: `PROVISIONER_API_MISMATCH`, `PROVISIONER_NOT_BRANDED`,
 * `PROVISIONER_SCHEMA_INVALID` when its `configSchema` is no Standard Schema, `PROVISIONER_LOAD_FAILED` when it is a
 * provisioner of another name than `name` (undefined: any will do). What throws when it is read is a
 * `PROVISIONER_LOAD_FAILED` too. Failures of the definition that is returned say whose they are.
 */
export function checkDefinition(
  loaded: unknown,
  name: string | undefined,
  origin: ProvisionerOrigin,
): ProvisionerDefinition {
  const read = <T>(get: () => T): T => reading(origin, get);
  const candidate = read(() => unwrapModule(loaded));
  const isBranded = read(() => isObject(candidate) && valueOf(candidate, PROVISIONER_BRAND) === true);
  // Another version may brand in another way, so what it says of itself counts first.
  if (isObject(candidate) && (isBranded || read(() => 'apiVersion' in candidate))) {
    checkApiVersion(
      read(() => valueOf(candidate, 'apiVersion')),
      origin,
    );
  }
  if (!isObject(candidate) || !isBranded) throw notBranded(describe(candidate), origin);
  const ownName = read(() => valueOf(candidate, 'name'));
  const createChecked = read(() => valueOf(candidate, 'createChecked'));
  if (typeof ownName !== 'string' || typeof createChecked !== 'function') {
    throw notBranded('has a brand, but lacks name or createChecked', origin);
  }
  const configSchema = read(() => valueOf(candidate, 'configSchema'));
  if (!read(() => isStandardSchema(configSchema)) || !isStandardSchema(configSchema)) {
    throw refusal(
      'PROVISIONER_SCHEMA_INVALID',
      `configSchema of ${formatOrigin(origin)} is no Standard Schema of version 1: ` +
        'give defineProvisioner one of zod, valibot or arktype, or an object with "~standard"',
      origin,
    );
  }
  if (name !== undefined && ownName !== name) {
    const message = `${formatOrigin(origin)} offers ${JSON.stringify(ownName)}, not ${JSON.stringify(name)}`;
    throw refusal('PROVISIONER_LOAD_FAILED', message, origin);
  }
  return guardDefinition({
    name: ownName,
    apiVersion: PROVISIONER_API_VERSION,
    configSchema,
    origin,
    create: (services, config): unknown => Reflect.apply(createChecked, candidate, [services, config]),
  });
}

/** Errors: `PROVISIONER_API_MISMATCH`. */
export function checkApiVersion(apiVersion: unknown, origin: ProvisionerOrigin): void {
  if (apiVersion === PROVISIONER_API_VERSION) return;
  const isText = typeof apiVersion === 'number' || typeof apiVersion === 'string';
  const stated = isText ? JSON.stringify(apiVersion) : typeof apiVersion;
  throw refusal(
    'PROVISIONER_API_MISMATCH',
    `${formatOrigin(origin)} was written for version ${stated} of the provisioner contract; ` +
      `this host has version ${String(PROVISIONER_API_VERSION)}: install a release of it for that version`,
    origin,
  );
}

/** A module gives its default export; one that was compiled to CommonJS has another module around it. */
function unwrapModule(loaded: unknown): unknown {
  let current = loaded;
  for (let depth = 0; depth < 2; depth += 1) {
    if (!isObject(current) || PROVISIONER_BRAND in current || !('default' in current)) break;
    current = current.default;
  }
  return current;
}

/** Getters and proxies of a stranger may throw anything, also errors of the catalogue that are none of the host's. */
function reading<T>(origin: ProvisionerOrigin, get: () => T): T {
  try {
    return get();
  } catch (error) {
    throw new ProvisionerError(
      'PROVISIONER_LOAD_FAILED',
      `the default export of ${formatOrigin(origin)} cannot be read: ${errorMessage(error)}`,
      { cause: error, coordinates: originCoordinates(origin) },
    );
  }
}

function notBranded(what: string, origin: ProvisionerOrigin): ProvisionerError {
  const message = `the default export of ${formatOrigin(origin)} ${what}: make it with defineProvisioner`;
  return refusal('PROVISIONER_NOT_BRANDED', message, origin);
}

function refusal(code: ErrorCode, message: string, origin: ProvisionerOrigin): ProvisionerError {
  return new ProvisionerError(code, message, { coordinates: originCoordinates(origin) });
}

function describe(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is null';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'function') return 'is a function';
  return typeof value === 'object' ? 'has no brand' : `is of type ${typeof value}`;
}

function valueOf(target: object, key: PropertyKey): unknown {
  return Reflect.get(target, key);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
