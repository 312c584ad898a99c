import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isProvisionerError, ProvisionerError } from '../errors.ts';

/** What a setting may be: reads anything, gives a T. */
export type SettingSchema<T> = StandardSchemaV1<unknown, T>;

/**
 * A Standard Schema from a function that gives the value, or throws a {@link ProvisionerError} whose message says what
 * was expected. Settings are read at every start of a program, and loading a schema library takes longer than all the
 * rest of reading them.
 */
export function settingSchema<T>(read: (value: unknown) => T): SettingSchema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'gateway-provisioners',
      validate: (value) => {
        try {
          return { value: read(value) };
        } catch (error) {
          if (!isProvisionerError(error)) throw error;
          return { issues: [{ message: error.message }] };
        }
      },
    },
  };
}

const TRUE_WORDS = new Set(['true', '1', 'yes', 'on']);
const FALSE_WORDS = new Set(['false', '0', 'no', 'off']);

/** A boolean, or its text in a variable: true/false, 1/0, yes/no, on/off in any case. Anything else is a problem. */
export function booleanSetting(): SettingSchema<boolean> {
  return settingSchema((value) => {
    if (typeof value === 'boolean') return value;
    const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim().toLowerCase() : '';
    if (TRUE_WORDS.has(word)) return true;
    if (FALSE_WORDS.has(word)) return false;
    throw new ProvisionerError('INVALID_ARGUMENT', 'expected true or false');
  });
}

/**
 * A list of texts, or one comma list: `a, b` is `['a', 'b']`. Blanks around items and empty items are dropped.
 * `read` makes something else of the list, or throws as that of {@link settingSchema}.
 */
export function listSetting(): SettingSchema<readonly string[]>;
export function listSetting<T>(read: (items: readonly string[]) => T): SettingSchema<T>;
export function listSetting<T>(read?: (items: readonly string[]) => T): SettingSchema<T | readonly string[]> {
  return settingSchema((value) => {
    const items: unknown = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(items) || !items.every((item): item is string => typeof item === 'string')) {
      throw new ProvisionerError('INVALID_ARGUMENT', 'expected a list of texts, or one text with commas');
    }
    const list = items.map((item) => item.trim()).filter((item) => item !== '');
    return read === undefined ? list : read(list);
  });
}
