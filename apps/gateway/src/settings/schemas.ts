import { ProvisionerError, settingSchema } from '@gateway-provisioners/core';
import type { JsonObject, JsonValue, SettingSchema } from '@gateway-provisioners/core';

/** Text, as it is. */
export function text(options: TextOptions = {}): SettingSchema<string> {
  return settingSchema((value) => {
    if (typeof value !== 'string') throw unexpected('expected text');
    if (options.pattern?.test(value) === false) throw unexpected(`expected ${options.expected ?? 'another text'}`);
    return value;
  });
}

interface TextOptions {
  readonly pattern?: RegExp;
  /** What matches the pattern, in words. */
  readonly expected?: string;
}

/** Text, or a number that is to be text. */
export function numberText(): SettingSchema<string> {
  return settingSchema((value) => {
    if (typeof value !== 'string' && typeof value !== 'number') throw unexpected('expected text or a number');
    return String(value);
  });
}

/** One of the given words; `normalise` may forgive spellings. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  normalise: (text: string) => string = (same) => same,
): SettingSchema<Word> {
  return settingSchema((value) => {
    const given = typeof value === 'string' ? normalise(value) : undefined;
    const found = words.find((word) => word === given);
    if (found === undefined) throw unexpected(`expected one of: ${words.join(', ')}`);
    return found;
  });
}

/** The same, or nothing. */
export function optional<T>(schema: SettingSchema<T>): SettingSchema<T | undefined> {
  const { validate } = schema['~standard'];
  return {
    '~standard': {
      ...schema['~standard'],
      validate: (value) => (value === undefined ? { value: undefined } : validate(value)),
    },
  };
}

/** A count, also as text. */
export function count(options: { readonly min: number; readonly max?: number }): SettingSchema<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = options;
  const range = options.max === undefined ? `at least ${String(min)}` : `from ${String(min)} to ${String(max)}`;
  return settingSchema((value) => {
    const number = toNumber(value);
    if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
    throw unexpected(`expected a whole number, ${range}`);
  });
}

const MAX_SECONDS = 2_000_000;

/** Seconds, fractions allowed; never NaN or infinite. */
export function seconds(options: { readonly min: number }): SettingSchema<number> {
  return settingSchema((value) => {
    const number = toNumber(value);
    if (number >= options.min && number <= MAX_SECONDS) return number;
    throw unexpected(`expected seconds, from ${String(options.min)} to ${String(MAX_SECONDS)}`);
  });
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
export function byteCount(options: { readonly min: number }): SettingSchema<number> {
  return settingSchema((value) => {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(
      typeof value === 'number' || typeof value === 'string' ? String(value) : '',
    );
    const unit = UNITS[(match?.[2] ?? '').toUpperCase()];
    const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
    if (Number.isSafeInteger(bytes) && bytes >= options.min) return bytes;
    throw unexpected(`expected at least ${String(options.min)} bytes, such as 64MiB`);
  });
}

/** A map of texts: an object in a file, JSON text elsewhere. */
export function textMap(): SettingSchema<Readonly<Record<string, string>>> {
  return mapOf((value): value is string => typeof value === 'string', 'texts');
}

/** A map of objects: an object in a file, JSON text elsewhere. */
export function objectMap(): SettingSchema<Readonly<Record<string, JsonObject>>> {
  return mapOf(isJsonObject, 'objects');
}

function mapOf<T>(isItem: (value: unknown) => value is T, items: string): SettingSchema<Readonly<Record<string, T>>> {
  return settingSchema((value) => {
    const parsed = parseJsonText(value);
    if (!isRecord(parsed)) throw unexpected(`expected an object of ${items}`);
    const found: Record<string, T> = {};
    for (const [key, item] of Object.entries(parsed)) {
      if (!isItem(item)) throw unexpected(`expected an object of ${items}, which ${JSON.stringify(key)} is not`);
      found[key] = item;
    }
    return found;
  });
}

function isJsonObject(value: unknown): value is JsonObject {
  return isRecord(value) && Object.values(value).every(isJsonValue);
}

function isJsonValue(value: unknown): value is JsonValue {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  return Array.isArray(value) ? value.every(isJsonValue) : isJsonObject(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  // Not a list, and not a Map or Date that a JavaScript file may hold.
  return Object.prototype.toString.call(value) === '[object Object]';
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
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

function unexpected(message: string): ProvisionerError {
  return new ProvisionerError('INVALID_ARGUMENT', message);
}
