/**
 * The code of an operating-system or Node error (`ENOENT`, `ERR_MODULE_NOT_FOUND`), undefined for anything else.
 * It looks at the property, not at the class, so that errors of another realm are understood as well.
 */
export function systemErrorCode(error: unknown): string | undefined {
  const known = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
  return known ? String(error.code) : undefined;
}
