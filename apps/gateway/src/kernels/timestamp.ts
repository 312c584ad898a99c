/** A time as Jupyter's models have it: UTC, six fractional digits, `Z`. Clients parse exactly that. */
export function jupyterTimestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
