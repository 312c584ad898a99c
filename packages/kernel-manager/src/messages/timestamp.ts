/** UTC, `2024-01-31T23:59:59.123000Z`: six fractional digits, as Jupyter's clients parse it. */
export function formatTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
