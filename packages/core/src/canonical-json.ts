import type { JsonValue } from './kernel-spec.ts';

/** JSON text in which the order of keys does not matter: equal values give equal texts. `undefined` members are left out. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}
