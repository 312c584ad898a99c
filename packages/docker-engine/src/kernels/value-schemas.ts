import { booleanSetting, errorMessage, parsePortRange } from '@gateway-provisioners/core';
import type { ContainerMount, DeviceMapping, GpuRequest, Ulimit } from '../container-spec.ts';
import { z } from 'zod';

/** Numbers and lists may come as texts, from an environment. */
export const text = z.string().trim().min(1);

export const textList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',') : value).map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''));

export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z
    .union([z.number(), z.string().trim().regex(/^\d+$/, 'expected a whole number').transform(Number)])
    .pipe(z.int().min(min).max(max));
}

export const cores = z
  .union([
    z.number(),
    z
      .string()
      .trim()
      .regex(/^\d+(\.\d+)?$/, 'expected a number of cores')
      .transform(Number),
  ])
  .pipe(z.number().min(0.01).max(10_000));

export const flag = z.unknown().transform((value, context) => {
  const read = booleanSetting()['~standard'].validate(value);
  if (!(read instanceof Promise) && read.issues === undefined) return read.value;
  context.addIssue({ code: 'custom', message: 'expected true or false' });
  return z.NEVER;
});

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes as a number, or as Docker writes them: `512m`, `2g`, `1.5g`. */
export const byteSize = z.union([z.number(), z.string()]).transform((value, context) => {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)b?$/i.exec(String(value).trim()) ?? [];
  const bytes = digits === '' ? NaN : Math.round(Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  context.addIssue({ code: 'custom', message: 'expected a size in bytes, such as 512m or 2g' });
  return z.NEVER;
});

export const portRange = z.string().superRefine((value, context) => {
  try {
    parsePortRange(value, { minSize: 0 });
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorMessage(error) });
  }
});

const absolute = z.string().regex(/^\/[^\0]*$/, 'use an absolute path');

/** `name=soft[:hard]` */
export const ulimit = z.string().transform((value, context): Ulimit => {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(value) ?? [];
  if (name !== '') return { name, soft: Number(soft), hard: Number(hard) };
  context.addIssue({ code: 'custom', message: 'expected name=soft or name=soft:hard, such as nofile=1024:2048' });
  return z.NEVER;
});

/** `/dev/host[:/dev/container[:rwm]]` */
export const device = z.string().transform((value, context): DeviceMapping => {
  const [, hostPath = '', containerPath = hostPath, permissions = 'rwm'] =
    /^(\/[^:]+)(?::(\/[^:]+))?(?::([rwm]{1,3}))?$/.exec(value) ?? [];
  if (hostPath !== '') return { hostPath, containerPath, permissions };
  context.addIssue({ code: 'custom', message: 'expected /dev/host, /dev/host:/dev/container or …:rwm' });
  return z.NEVER;
});

/** `all`, a count, or device ids with commas. */
export const gpus = z.union([z.number(), z.string()]).transform((value, context): GpuRequest | undefined => {
  const given = String(value).trim();
  if (given === '0' || given === '') return undefined;
  if (given === 'all') return { count: 'all' };
  if (/^\d+$/.test(given)) return { count: Number(given) };
  if (/^[\w.:-]+(,[\w.:-]+)*$/.test(given)) return { deviceIds: given.split(',') };
  context.addIssue({ code: 'custom', message: 'expected all, a count, or device ids with commas' });
  return z.NEVER;
});

/** As `docker run --volume`: `source:target[:ro]`; a source that is not a path is the name of a volume. */
export const volume = z.string().transform((value, context): ContainerMount => {
  const [, source = '', target = '', mode = 'rw'] = /^([^:\0]+):(\/[^:\0]+)(?::(ro|rw))?$/.exec(value) ?? [];
  const readOnly = mode === 'ro';
  if (source.startsWith('/')) return { type: 'bind', source, target, readOnly };
  if (/^[A-Za-z0-9{][\w.{}-]*$/.test(source)) return { type: 'volume', source, target, readOnly };
  context.addIssue({ code: 'custom', message: 'expected /path:/target, name:/target, or one of them with :ro' });
  return z.NEVER;
});

const read_only = flag.optional();
export const mount = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('bind'),
    source: absolute,
    target: absolute,
    read_only,
    propagation: z.enum(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']).optional(),
  }),
  z.strictObject({
    type: z.literal('volume'),
    source: z.string().min(1).optional(),
    target: absolute,
    read_only,
    driver: z.string().min(1).optional(),
    driver_options: z.record(z.string(), z.string()).optional(),
    no_copy: flag.optional(),
  }),
  z.strictObject({
    type: z.literal('tmpfs'),
    target: absolute,
    size: byteSize.optional(),
    mode: z.int().min(0).max(0o7777).optional(),
  }),
]);
