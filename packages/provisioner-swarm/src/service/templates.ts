import { ProvisionerError } from '@gateway-provisioners/core';

/** Values of placeholders such as `{username}`. */
export type PlaceholderValues = Readonly<Record<string, string>>;

/** Braces that a swarm itself reads, in variables, the host's name and mounts, are none of ours. */
const PLACEHOLDER = /(?<!\{)\{(\w+)\}(?!\})/g;

/** Puts values in the place of `{name}`; what is not known stays. Values are data: placeholders in them are not replaced. */
export function fill(template: string, values: PlaceholderValues, quote = (value: string): string => value): string {
  return template.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? whole : quote(value);
  });
}

/**
 * As {@link fill}, where a user's name must not make another path or another volume of it. Errors: `FORBIDDEN`.
 */
export function fillPath(template: string, values: PlaceholderValues): string {
  const { username = '' } = values;
  const usesName = fill(template, { username: '' }) !== template;
  if (usesName && !/^[A-Za-z0-9_][\w.@-]*$/.test(username)) {
    throw new ProvisionerError('FORBIDDEN', 'a mount is named after the user, whose name cannot be part of a path', {
      coordinates: { user: username },
    });
  }
  return fill(template, values, asSwarmPart);
}

/** The text as a swarm's own templates read it: it replaces `{{.Service.Name}}` and its like, and fails on others. */
export function asSwarmText(text: string): string {
  return text.replaceAll('{{', '{{"{{"}}');
}

/** As {@link asSwarmText}, for a text that stands between others. */
export function asSwarmPart(text: string): string {
  return text.replaceAll('{', '{{"{"}}');
}

/** Names of placeholders that are left in a text. */
export function unfilled(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/** `*` stands for any text. */
export function matches(text: string, pattern: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 's').test(text);
}
