import { z } from 'zod';

/** A count, also as text. */
export function count(options: { readonly min: number; readonly max?: number }): z.ZodType<number> {
  return z.coerce
    .number()
    .int()
    .min(options.min)
    .max(options.max ?? Number.MAX_SAFE_INTEGER);
}

/** Seconds, fractions allowed; never NaN or infinite. */
export function seconds(options: { readonly min: number }): z.ZodType<number> {
  return z.coerce.number().min(options.min).max(2_000_000);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1024,
  KIB: 1024,
  MB: 1024 ** 2,
  MIB: 1024 ** 2,
  GB: 1024 ** 3,
  GIB: 1024 ** 3,
};

/** Bytes: a number, or text with a unit such as `64MiB` (units are powers of 1024). */
export function byteCount(options: { readonly min: number }): z.ZodType<number> {
  return z.unknown().transform((value, context): number => {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(
      typeof value === 'number' || typeof value === 'string' ? String(value) : '',
    );
    const unit = UNITS[(match?.[2] ?? '').toUpperCase()];
    const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
    if (Number.isSafeInteger(bytes) && bytes >= options.min) return bytes;
    context.addIssue({ code: 'custom', message: `expected at least ${String(options.min)} bytes, such as 64MiB` });
    return z.NEVER;
  });
}

/** A map of texts: an object in a file, JSON text elsewhere. */
export function textMap(): z.ZodType<Readonly<Record<string, string>>> {
  return z.preprocess(parseJsonText, z.record(z.string(), z.string()));
}

const jsonObject = z.record(z.string(), z.json());

/** A map of objects: an object in a file, JSON text elsewhere. */
export function objectMap(): z.ZodType<Readonly<Record<string, z.infer<typeof jsonObject>>>> {
  return z.preprocess(parseJsonText, z.record(z.string(), jsonObject));
}

function parseJsonText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    // The schema says what is expected instead.
    return value;
  }
}
