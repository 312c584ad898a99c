import type { StandardSchemaV1 } from '@standard-schema/spec';
import { UserGuard, takeCommonConfig } from './authorized-users.ts';
import type { ErrorCode } from './error-codes.ts';
import { ConfigError, errorMessage, isProvisionerError, ProvisionerError } from './errors.ts';
import type { ConfigProblem } from './errors.ts';
import type {
  KernelProvisioner,
  ProvisionerDefinition,
  ProvisionerDefinitionInput,
  ProvisionerServices,
} from './provisioner.ts';
import { PROVISIONER_BRAND } from './provisioner.ts';
import { isProvisioner, notAProvisioner } from './provisioner-shape.ts';
import { isSchemaAnswer } from './standard-schema.ts';

const NAME = /^[a-z0-9][a-z0-9._-]*$/;

/**
 * Makes what a provisioner package exports by default.
 *
 * ```ts
 * export default defineProvisioner({
 *   name: 'hello-provisioner',
 *   apiVersion: 1,
 *   configSchema: z.object({ greeting: z.string().default('hello') }),
 *   create: (services, config) => new HelloProvisioner(services, config),
 * });
 * ```
 * What it launches, it launches for authorised users alone: `authorized_users` and `unauthorized_users` are settings of
 * every provisioner and do not reach its schema; nor does `launch_timeout`, which is for who starts kernels.
 * Errors: `INVALID_ARGUMENT` when the name cannot be used in a kernelspec.
 */
export function defineProvisioner<Config>(input: ProvisionerDefinitionInput<Config>): ProvisionerDefinition {
  if (!NAME.test(input.name)) {
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `provisioner name ${JSON.stringify(input.name)}: use lower-case letters, digits, '.', '_' and '-'`,
    );
  }
  return {
    name: input.name,
    apiVersion: input.apiVersion,
    configSchema: input.configSchema,
    [PROVISIONER_BRAND]: true,
    async createChecked(services, config) {
      const { users, own } = takeCommonConfig(config, services, `settings of ${input.name}`);
      return new UserGuard(await create(input, services, await checkConfig(input, own)), users);
    },
  };
}

async function create<Config>(
  input: ProvisionerDefinitionInput<Config>,
  services: ProvisionerServices,
  config: Config,
): Promise<KernelProvisioner> {
  return await told('PROVISIONER_CREATE_FAILED', `${input.name} could not be created`, async () => {
    const created = await input.create(services, config);
    if (!isProvisioner(created)) throw notAProvisioner(input.name, created);
    return created;
  });
}

async function checkConfig<Config>(input: ProvisionerDefinitionInput<Config>, config: unknown): Promise<Config> {
  const schema = `configSchema of ${input.name}`;
  return await told('PROVISIONER_SCHEMA_INVALID', `${schema} throws`, async () => {
    const result = await input.configSchema['~standard'].validate(config);
    if (!isSchemaAnswer(result)) {
      throw new ProvisionerError('PROVISIONER_SCHEMA_INVALID', `${schema} answers with neither a value nor issues`);
    }
    if (result.issues === undefined) return result.value;
    throw new ConfigError(`settings of ${input.name}`, result.issues.map(toProblem));
  });
}

/** What an author's code gives; what it throws, if it is none of ours, becomes an error of that code with its cause. */
async function told<T>(code: ErrorCode, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isProvisionerError(error)) throw error;
    throw new ProvisionerError(code, `${what}: ${errorMessage(error)}`, { cause: error });
  }
}

function toProblem(issue: StandardSchemaV1.Issue): ConfigProblem {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  return { key: path.length === 0 ? '(all)' : path.join('.'), message: issue.message };
}
