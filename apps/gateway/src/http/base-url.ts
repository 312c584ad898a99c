import { ProvisionerError } from '@gateway-provisioners/core';

const SEGMENT = /^[\w.~!$&'()+,;=@-]+$/;

/**
 * The prefix of every route in one form: begins and ends with a slash, no doubled ones. `''`, `/`, `hub/user`,
 * `//hub/user/` are all accepted. Errors: `INVALID_ARGUMENT`.
 */
export function normaliseBaseUrl(value: string): string {
  const segments = value.split('/').filter((segment) => segment !== '');
  const bad = segments.find((segment) => !SEGMENT.test(segment) || segment === '.' || segment === '..');
  if (bad !== undefined) {
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `base URL ${JSON.stringify(value)}: ${JSON.stringify(bad)} is no path segment`,
    );
  }
  return segments.length === 0 ? '/' : `/${segments.join('/')}/`;
}
