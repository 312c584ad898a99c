import { ProvisionerError } from '@gateway-provisioners/core';

/**
 * A word of /bin/sh that stands for exactly this text, whatever is in it. The one place where text becomes part of a
 * program. Errors: `INVALID_ARGUMENT` for NUL, which no shell can hold.
 */
export function quote(text: string): string {
  if (text.includes('\0'))
    throw new ProvisionerError('INVALID_ARGUMENT', 'a text with a NUL character cannot be passed on');
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that shells keep for themselves: setting them is an error that ends some of them. */
const RESERVED: ReadonlySet<string> = new Set(['BASHOPTS', 'BASH_VERSINFO', 'EUID', 'PPID', 'SHELLOPTS', 'UID', '_']);

/**
 * Lines that put variables into the environment of what is started next.
 * Errors: `INVALID_ENV` naming a variable that no shell can pass on; never its value.
 */
export function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name]) => !RESERVED.has(name))
    .map(([name, value]) => {
      if (!NAME.test(name)) {
        throw new ProvisionerError(
          'INVALID_ENV',
          `the variable ${JSON.stringify(name)} cannot be passed to another host: use ASCII letters, digits and _ in its name`,
        );
      }
      return `export ${name}=${quote(value)}\n`;
    })
    .join('');
}
