import { ProvisionerError } from '../errors.ts';
import { PROVISIONER_API_VERSION, PROVISIONER_BRAND } from '../provisioner.ts';
import type { ProvisionerDefinition } from '../provisioner.ts';
import { formatOrigin, originCoordinates } from './provisioner-origin.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';

/**
 * Checks what a package exports, in this order: `PROVISIONER_API_MISMATCH`, `PROVISIONER_NOT_BRANDED`,
 * `PROVISIONER_LOAD_FAILED` when it is a provisioner of another name.
 */
export function checkDefinition(loaded: unknown, name: string, origin: ProvisionerOrigin): ProvisionerDefinition {
  const candidate = unwrapModule(loaded);
  const coordinates = originCoordinates(origin);
  if (isObject(candidate) && 'apiVersion' in candidate) checkApiVersion(candidate.apiVersion, origin);
  if (!isDefinition(candidate)) {
    throw new ProvisionerError(
      'PROVISIONER_NOT_BRANDED',
      `the default export of ${formatOrigin(origin)} was not made by defineProvisioner`,
      { coordinates },
    );
  }
  if (candidate.name !== name) {
    throw new ProvisionerError(
      'PROVISIONER_LOAD_FAILED',
      `${formatOrigin(origin)} offers ${JSON.stringify(candidate.name)}, not ${JSON.stringify(name)}`,
      { coordinates },
    );
  }
  return candidate;
}

/** Errors: `PROVISIONER_API_MISMATCH`. */
export function checkApiVersion(apiVersion: unknown, origin: ProvisionerOrigin): void {
  if (apiVersion === PROVISIONER_API_VERSION) return;
  throw new ProvisionerError(
    'PROVISIONER_API_MISMATCH',
    `${formatOrigin(origin)} was written for version ${String(apiVersion)} of the provisioner contract; ` +
      `this host has version ${String(PROVISIONER_API_VERSION)}`,
    { coordinates: originCoordinates(origin) },
  );
}

function unwrapModule(loaded: unknown): unknown {
  if (!isObject(loaded) || PROVISIONER_BRAND in loaded || !('default' in loaded)) return loaded;
  return loaded.default;
}

function isDefinition(value: unknown): value is ProvisionerDefinition {
  return (
    isObject(value) &&
    PROVISIONER_BRAND in value &&
    'name' in value &&
    typeof value.name === 'string' &&
    'apiVersion' in value &&
    'configSchema' in value &&
    'createChecked' in value &&
    typeof value.createChecked === 'function'
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
