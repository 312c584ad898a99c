import { z } from 'zod';

const TRUE_WORDS = new Set(['true', '1', 'yes', 'on']);
const FALSE_WORDS = new Set(['false', '0', 'no', 'off']);

/** A boolean, or its text in a variable: true/false, 1/0, yes/no, on/off in any case. Anything else is a problem. */
export function booleanSetting(): z.ZodType<boolean> {
  return z.unknown().transform((value, context): boolean => {
    if (typeof value === 'boolean') return value;
    const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim().toLowerCase() : '';
    if (TRUE_WORDS.has(word)) return true;
    if (FALSE_WORDS.has(word)) return false;
    context.addIssue({ code: 'custom', message: 'expected true or false' });
    return z.NEVER;
  });
}

/** A list of texts, or one comma list: `a, b` is `['a', 'b']`. Blanks around items and empty items are dropped. */
export function listSetting(): z.ZodType<readonly string[]> {
  return z.unknown().transform((value, context): readonly string[] => {
    const items: unknown = typeof value === 'string' ? value.split(',') : value;
    if (Array.isArray(items) && items.every((item): item is string => typeof item === 'string')) {
      return items.map((item) => item.trim()).filter((item) => item !== '');
    }
    context.addIssue({ code: 'custom', message: 'expected a list of texts, or one text with commas' });
    return z.NEVER;
  });
}
