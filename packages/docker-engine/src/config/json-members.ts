/** Members of a JSON object; none for anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.fromEntries(Object.entries(value)) : {};
}

/** Members that are texts. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts: [string, string][] = [];
  for (const [key, text] of Object.entries(membersOf(value))) if (typeof text === 'string') texts.push([key, text]);
  return Object.fromEntries(texts);
}

/** Texts of an array; none for anything else. */
export function textListOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item: unknown) => typeof item === 'string') : [];
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** An array; an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
