import { errorMessage, ProvisionerError } from '@gateway-provisioners/core';
import { text, textList } from '@gateway-provisioners/docker-engine/kernels';
import { z } from 'zod';
import { logDriver, mount, placement, resourceSpec, words } from './service-options.ts';

/** An empty text or list chooses nothing: SwarmSpawner's example has them where it leaves something out. */
const imageName = z
  .string()
  .trim()
  .transform((given) => (given === '' ? undefined : given));
const networkNames = textList.transform((given) => (given.length === 0 ? undefined : given));

const choices = {
  resource_spec: resourceSpec.optional(),
  placement: placement
    .transform((given) =>
      Object.values(given).some((list) => list !== undefined && list.length > 0) ? given : undefined,
    )
    .optional(),
  network: networkNames.optional(),
  name: z
    .string()
    .regex(/^([A-Za-z0-9][A-Za-z0-9-]{0,11})?$/, 'use at most 12 letters, digits and dashes')
    .transform((given) => (given === '' ? undefined : given))
    .optional(),
};

const userContainerSpec = z.strictObject({
  args: words.optional(),
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'expected the name of a variable'), z.string()).optional(),
  Image: imageName.optional(),
  image: imageName.optional(),
  mounts: z.array(mount).max(32).optional(),
  workdir: z.string().regex(/^\//, 'use an absolute path').optional(),
  // Where SwarmSpawner's documentation has them; beside it they count before these.
  ...choices,
});

/** What a request may say about its service: SwarmSpawner's `user_options`. */
const userOptions = z
  .strictObject({
    user_selected_image: z.union([text, z.strictObject({ image: text, name: text.optional() })]).optional(),
    container_spec: userContainerSpec.optional(),
    ...choices,
    networks: networkNames.optional(),
    log_driver: logDriver.optional(),
  })
  .transform(({ container_spec: nested, networks, network, ...options }) => {
    const { resource_spec, placement: wanted, network: nestedNetwork, name, ...container } = nested ?? {};
    return {
      ...options,
      container_spec: nested === undefined ? undefined : container,
      resource_spec: options.resource_spec ?? resource_spec,
      placement: options.placement ?? wanted,
      networks: networks ?? network ?? nestedNetwork,
      name: options.name ?? name,
    };
  });
export type UserOptions = Partial<z.infer<typeof userOptions>>;

export const USER_OPTIONS_VARIABLE = 'KERNEL_USER_OPTIONS';

/** The request's options, JSON in `KERNEL_USER_OPTIONS`. Errors: `INVALID_ENV`. */
export function parseUserOptions(env: Readonly<Record<string, string>>): UserOptions {
  const given = env[USER_OPTIONS_VARIABLE];
  if (given === undefined || given.trim() === '') return {};
  let json: unknown;
  try {
    json = JSON.parse(given);
  } catch (error) {
    throw new ProvisionerError('INVALID_ENV', `${USER_OPTIONS_VARIABLE} is not JSON: ${errorMessage(error)}`);
  }
  const read = userOptions.safeParse(json);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new ProvisionerError('INVALID_ENV', `${USER_OPTIONS_VARIABLE} cannot be used: ${problems.join('; ')}`);
}

const policyKeys = [
  'image',
  'args',
  'env',
  'workdir',
  'mounts',
  'resource_spec',
  'placement',
  'networks',
  'name',
  'log_driver',
] as const;

/** What users may choose where `use_user_options` lets them choose at all. */
export const userOptionsPolicy = z.strictObject({
  keys: textList
    .pipe(z.array(z.enum(policyKeys)))
    .default(['image', 'args', 'env', 'workdir', 'mounts', 'resource_spec']),
  mount_types: textList.pipe(z.array(z.enum(['bind', 'volume', 'tmpfs']))).default(['volume', 'tmpfs']),
  /** The digest in `{name}` makes names of one user's volumes no beginning of another's. */
  volume_names: textList.default(['{name}-*']),
  bind_sources: textList.default([]),
  networks: textList.default([]),
  max_resource_spec: resourceSpec.default({}),
});
export type UserOptionsPolicy = z.infer<typeof userOptionsPolicy>;
export type PolicyKey = (typeof policyKeys)[number];
