import { byteSize, cores, flag, text, textList, wholeNumber } from '@gateway-provisioners/docker-engine/kernels';
import { z } from 'zod';

const absolute = z.string().regex(/^\/[^\0]*$/, 'use an absolute path');
/** Values may be written as numbers or booleans. */
const textMap = z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]).transform(String));

/** `name` or `{name, target, uid, gid, mode}`; SwarmSpawner's and docker-py's names of the keys as well. */
const fileOf = (alias: 'config_name' | 'secret_name') =>
  z
    .union([
      text.transform((name) => ({ name })),
      z.strictObject({
        name: text.optional(),
        [alias]: text.optional(),
        target: text.optional(),
        filename: text.optional(),
        uid: wholeNumber(0, 0xffff_ffff).optional(),
        gid: wholeNumber(0, 0xffff_ffff).optional(),
        mode: z.int().min(0).max(0o7777).optional(),
      }),
    ])
    .transform((given, context) => {
      const entries = new Map<string, unknown>(Object.entries(given));
      const known = z
        .object({
          name: z.string(),
          target: z.string().optional(),
          uid: z.number().optional(),
          gid: z.number().optional(),
          mode: z.number().optional(),
        })
        .safeParse({
          ...given,
          name: entries.get('name') ?? entries.get(alias),
          target: entries.get('target') ?? entries.get('filename'),
        });
      if (known.success) return known.data;
      context.addIssue({ code: 'custom', message: `expected a name, or an object with name (or ${alias})` });
      return z.NEVER;
    });

/** The engine counts processors in billionths; a number below 1000 cannot be meant so, and is a number of cores. */
const nanoCpus = z.union([z.number(), z.string()]).transform((value, context) => {
  const given = Number(value);
  const read = given >= 1_000 ? cores.safeParse(given / 1e9) : cores.safeParse(given);
  if (read.success) return read.data;
  context.addIssue({ code: 'custom', message: 'expected cores such as 1.5, or billionths of them such as 1500000000' });
  return z.NEVER;
});

export const resourceSpec = z.strictObject({
  cpu_limit: nanoCpus.optional(),
  cpu_reservation: nanoCpus.optional(),
  mem_limit: byteSize.optional(),
  mem_reservation: byteSize.optional(),
  generic_resources: z.record(z.string().regex(/^[\w.-]+$/, 'expected a kind'), wholeNumber(1, 1_000_000)).optional(),
});
/** Cores and bytes. */
export type ResourceOptions = z.infer<typeof resourceSpec>;

const constraint = z
  .string()
  .trim()
  .regex(/^(node|engine)\.[\w.-]+\s*(==|!=)\s*\S.*$/, 'expected such as node.hostname==worker1 or node.labels.gpu!=no');

const preference = z.union([
  z
    .string()
    .trim()
    .regex(/^(spread=)?(node|engine)\.[\w.-]+$/, 'expected such as spread=node.labels.datacenter'),
  z.tuple([z.literal('spread'), z.string().min(1)]).transform(([, label]) => label),
]);

export const placement = z.strictObject({
  constraints: z.array(constraint).optional(),
  preferences: z.array(preference).optional(),
});

export const logDriver = z.union([
  text.transform((name) => ({ name, options: {} })),
  z.strictObject({ name: text, options: textMap.default({}) }),
]);

export const endpointMode = z.enum(['dnsrr', 'vip']);

/** A list, or a text whose words are parted by spaces. */
export const words = z.union([
  z.array(z.string()),
  z
    .string()
    .trim()
    .min(1)
    .regex(/^[^'"\\]*$/, 'give a list of texts: quotes are not read')
    .transform((given) => given.split(/\s+/)),
]);

const mountLabels = textMap.optional();
const driverConfig = z.strictObject({ name: text, options: textMap.default({}) });

/** As docker-py and SwarmSpawner write mounts. */
export const mount = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('bind'),
    source: absolute,
    target: absolute,
    read_only: flag.optional(),
    propagation: z.enum(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']).optional(),
  }),
  z.strictObject({
    type: z.literal('volume'),
    source: z.string().optional(),
    target: absolute,
    read_only: flag.optional(),
    no_copy: flag.optional(),
    labels: mountLabels,
    /** SwarmSpawner's documentation has it without s. */
    label: mountLabels,
    driver_config: driverConfig.optional(),
  }),
  z.strictObject({
    type: z.literal('tmpfs'),
    source: z.literal('').optional(),
    target: absolute,
    tmpfs_size: byteSize.optional(),
    tmpfs_mode: z.int().min(0).max(0o7777).optional(),
    size: byteSize.optional(),
    mode: z.int().min(0).max(0o7777).optional(),
  }),
]);
export type MountOptions = z.infer<typeof mount>;

export const uidGid = z
  .union([z.string().trim(), z.number().transform(String)])
  .pipe(z.string().regex(/^(\d+|\{\w+\})(:(\d+|\{\w+\}))?$/, 'expected uid or uid:gid, as numbers or {placeholders}'));

/** What an entry of `images` and `container_spec` both have. */
const containerKeys = {
  args: words.optional(),
  command: words.optional(),
  env: textMap.optional(),
  mounts: z.array(mount).optional(),
  user: text.optional(),
  uid_gid: uidGid.optional(),
  workdir: absolute.optional(),
  configs: z.array(fileOf('config_name')).optional(),
  secrets: z.array(fileOf('secret_name')).optional(),
};

export const containerSpec = z.strictObject({
  ...containerKeys,
  hostname: text.optional(),
  labels: textMap.optional(),
  groups: textList.optional(),
  hosts: z.record(z.string(), z.string()).optional(),
  dns: textList.optional(),
  init: flag.optional(),
  read_only: flag.optional(),
  cap_add: textList.optional(),
  cap_drop: textList.optional(),
  stop_grace_seconds: z.number().min(0).max(3_600).optional(),
});
export type ContainerSpecOptions = z.infer<typeof containerSpec>;

export const imageEntry = z.strictObject({
  image: text,
  name: text.optional(),
  access: z.union([z.array(z.string()), absolute]).optional(),
  ...containerKeys,
  placement: placement.optional(),
  resource_spec: resourceSpec.optional(),
  networks: textList.optional(),
  endpoint_spec: z.strictObject({ mode: endpointMode.optional() }).optional(),
  log_driver: logDriver.optional(),
});
export type ImageEntry = z.infer<typeof imageEntry>;
export type ServiceFileOptions = NonNullable<ContainerSpecOptions['configs']>[number];
