import { resolveSettings } from './config/resolve-settings.ts';
import { listSetting } from './config/setting-schemas.ts';
import { defineSettings } from './config/settings.ts';
import { ConfigError, ProvisionerError } from './errors.ts';
import type { ConfigProblem } from './errors.ts';
import type {
  CallOptions,
  ImageOffer,
  ImageRequest,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProvisionerServices,
  ProvisionerState,
  ResourceListing,
} from './provisioner.ts';

/** Settings that every provisioner has, without knowing of them: they are read and obeyed where it is created. */
export const userSettings = defineSettings({
  authorized_users: {
    schema: listSetting(),
    default: [],
    env: ['GP_AUTHORIZED_USERS', 'EG_AUTHORIZED_USERS'],
    description:
      'When it is not empty, only these users may start kernels. Case counts. A kernelspec replaces the list.',
    group: 'Access',
  },
  unauthorized_users: {
    schema: listSetting(),
    default: ['root'],
    env: ['GP_UNAUTHORIZED_USERS', 'EG_UNAUTHORIZED_USERS'],
    description:
      'These users may not, whatever `authorized_users` says. Default `root`. A kernelspec adds to the list.',
    group: 'Access',
  },
});

/** `launch_timeout` is read by who starts kernels; no provisioner needs to know it. */
const COMMON: ReadonlySet<string> = new Set([...Object.keys(userSettings), 'launch_timeout']);

/** Who may start kernels of one provisioner. */
export interface UserLists {
  readonly authorized: ReadonlySet<string>;
  readonly unauthorized: ReadonlySet<string>;
}

export interface CommonConfig {
  readonly users: UserLists;
  /** What is the provisioner's own. */
  readonly own: unknown;
}

/**
 * Takes out of a provisioner's settings what all provisioners have. As Enterprise Gateway does, a kernelspec's
 * `authorized_users` replace those of the environment, and its `unauthorized_users` are added to them.
 * Errors: `INVALID_CONFIG`.
 */
export function takeCommonConfig(
  config: unknown,
  { env }: Pick<ProvisionerServices, 'env'>,
  what: string,
): CommonConfig {
  const { values } = resolveSettings(userSettings, { env });
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    return { users: toLists(values.authorized_users, values.unauthorized_users), own: config };
  }
  const entries: readonly (readonly [string, unknown])[] = Object.entries(config);
  const common = new Map(entries.filter(([key]) => COMMON.has(key)));
  const problems: ConfigProblem[] = [];
  const given = {
    authorized: listOf('authorized_users', common.get('authorized_users'), problems),
    unauthorized: listOf('unauthorized_users', common.get('unauthorized_users'), problems),
  };
  if (problems.length > 0) throw new ConfigError(what, problems);
  const own = Object.fromEntries(entries.filter(([key]) => !COMMON.has(key)));
  const replaced = given.authorized.length > 0 ? given.authorized : values.authorized_users;
  return { users: toLists(replaced, [...values.unauthorized_users, ...given.unauthorized]), own };
}

function listOf(key: keyof typeof userSettings, value: unknown, problems: ConfigProblem[]): readonly string[] {
  if (value === undefined || value === null) return [];
  const result = userSettings[key].schema['~standard'].validate(value);
  if (!(result instanceof Promise) && result.issues === undefined) return result.value;
  problems.push({ key, message: 'expected a list of texts, or one text with commas' });
  return [];
}

function toLists(authorized: readonly string[], unauthorized: readonly string[]): UserLists {
  return { authorized: new Set(authorized), unauthorized: new Set(unauthorized) };
}

/** Errors: `FORBIDDEN` in Enterprise Gateway's words; they differ by the list that it was. */
export function assertUserAuthorized(users: UserLists, context: Pick<LaunchContext, 'owner' | 'kernelSpec'>): void {
  const { owner, kernelSpec } = context;
  const advice = 'Ensure KERNEL_USERNAME is set to an appropriate value and retry the request.';
  if (users.unauthorized.has(owner)) {
    const message = `User '${owner}' is not authorized to start kernel '${kernelSpec.displayName}'. ${advice}`;
    throw new ProvisionerError('FORBIDDEN', message);
  }
  if (users.authorized.size === 0 || users.authorized.has(owner)) return;
  const set = 'the set of users authorized to start kernel';
  throw new ProvisionerError('FORBIDDEN', `User '${owner}' is not in ${set} '${kernelSpec.displayName}'. ${advice}`);
}

/** A provisioner that launches for authorised users alone, and tells nobody else of its images. */
export class UserGuard implements KernelProvisioner {
  readonly #guarded: KernelProvisioner;
  readonly #users: UserLists;

  constructor(guarded: KernelProvisioner, users: UserLists) {
    this.#guarded = guarded;
    this.#users = users;
  }

  async launch(context: LaunchContext, options?: LaunchOptions): Promise<LaunchedKernel> {
    assertUserAuthorized(this.#users, context);
    return await this.#guarded.launch(context, options);
  }

  async attach(state: ProvisionerState, options?: CallOptions): Promise<LaunchedKernel | undefined> {
    return await this.#guarded.attach(state, options);
  }

  async list(options?: CallOptions): Promise<ResourceListing> {
    return await this.#guarded.list(options);
  }

  async reap(resource: OwnedResource, options?: CallOptions): Promise<void> {
    await this.#guarded.reap(resource, options);
  }

  /** Empty where the backend has no images. Errors: `FORBIDDEN`, as for a launch. */
  async images(request: ImageRequest, options?: CallOptions): Promise<readonly ImageOffer[]> {
    assertUserAuthorized(this.#users, request);
    return (await this.#guarded.images?.(request, options)) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guarded[Symbol.asyncDispose]();
  }
}
