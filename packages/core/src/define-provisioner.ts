import type { StandardSchemaV1 } from '@standard-schema/spec';
import { UserGuard, takeCommonConfig } from './authorized-users.ts';
import { ConfigError, ProvisionerError } from './errors.ts';
import type { ConfigProblem } from './errors.ts';
import type { ProvisionerDefinition, ProvisionerDefinitionInput } from './provisioner.ts';
import { PROVISIONER_BRAND } from './provisioner.ts';

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
      return new UserGuard(await input.create(services, await checkConfig(input, own)), users);
    },
  };
}

async function checkConfig<Config>(input: ProvisionerDefinitionInput<Config>, config: unknown): Promise<Config> {
  const result = await input.configSchema['~standard'].validate(config);
  if (result.issues === undefined) return result.value;
  throw new ConfigError(`settings of ${input.name}`, result.issues.map(toProblem));
}

function toProblem(issue: StandardSchemaV1.Issue): ConfigProblem {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  return { key: path.length === 0 ? '(all)' : path.join('.'), message: issue.message };
}
