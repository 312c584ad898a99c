import { InvalidArgumentError } from 'commander';

const levels: ReadonlyMap<string, number> = new Map([
  ['DEBUG', 10],
  ['INFO', 20],
  ['WARN', 30],
  ['WARNING', 30],
  ['ERROR', 40],
  ['CRITICAL', 50],
]);

export const LOG_LEVELS = 'DEBUG, INFO, WARN, ERROR, CRITICAL or 0 to 50';

/** A level by name, in any case, or by Python's number. */
export function parseLogLevel(text: string): number {
  const level = levels.get(text.toUpperCase()) ?? (/^\d{1,2}$/.test(text) ? Number(text) : undefined);
  if (level === undefined || level > 50) throw new InvalidArgumentError(`use ${LOG_LEVELS}.`);
  return level;
}
