import { ConfigError, errorMessage, isProvisionerError, ProvisionerError } from '../errors.ts';
import type { ConfigProblem } from '../errors.ts';
import type { ProvisionerDefinition, ProvisionerServices } from '../provisioner.ts';
import { PROVISIONER_BRAND } from '../provisioner.ts';
import { isProvisioner, notAProvisioner } from '../provisioner-shape.ts';
import { formatOrigin, originCoordinates } from './provisioner-origin.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';

/** What was read of a package's definition and found right. */
interface CheckedParts extends Pick<ProvisionerDefinition, 'name' | 'apiVersion' | 'configSchema'> {
  readonly origin: ProvisionerOrigin;
  /** The package's own `createChecked`, which may do anything. */
  create(services: ProvisionerServices, config: unknown): unknown;
}

/**
 * A definition that gives a provisioner or a {@link ProvisionerError} that names the package: `INVALID_CONFIG`,
 * `PROVISIONER_SCHEMA_INVALID`, `PROVISIONER_CREATE_FAILED`; other errors of the catalogue pass as they are.
 */
export function guardDefinition(parts: CheckedParts): ProvisionerDefinition {
  const { name, apiVersion, configSchema } = parts;
  return {
    name,
    apiVersion,
    configSchema,
    [PROVISIONER_BRAND]: true,
    async createChecked(services, config) {
      try {
        const created: unknown = await parts.create(services, config);
        if (isProvisioner(created)) return created;
        throw notAProvisioner(name, created);
      } catch (error) {
        throw withOrigin(error, parts);
      }
    },
  };
}

function withOrigin(error: unknown, { name, origin }: CheckedParts): ProvisionerError {
  const coordinates = originCoordinates(origin);
  const where = formatOrigin(origin);
  if (!isProvisionerError(error)) {
    const message = `${name} of ${where} could not be created: ${errorMessage(error)}`;
    return new ProvisionerError('PROVISIONER_CREATE_FAILED', message, { cause: error, coordinates });
  }
  if (error.code === 'PROVISIONER_CREATE_FAILED' || error.code === 'PROVISIONER_SCHEMA_INVALID') {
    const { code, message, cause } = error;
    return new ProvisionerError(code, `${where}: ${message}`, { ...('cause' in error ? { cause } : {}), coordinates });
  }
  // Everybody knows where those that ship with the host come from.
  if (origin.kind === 'registered' || !hasProblems(error)) return error;
  return new ConfigError(`settings of ${name} of ${where}`, error.problems, { cause: error, coordinates });
}

/** Of any copy of this package, so the class does not tell. */
function hasProblems(error: ProvisionerError): error is ProvisionerError & { readonly problems: ConfigProblem[] } {
  if (error.code !== 'INVALID_CONFIG' || !('problems' in error) || !Array.isArray(error.problems)) return false;
  return error.problems.every(
    (problem: unknown) => typeof problem === 'object' && problem !== null && 'key' in problem && 'message' in problem,
  );
}
