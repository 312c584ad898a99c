import { LauncherError } from './launcher-error.ts';

/** Both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** `low..high`; undefined, any port, when empty or when both ends are equal. Errors: {@link LauncherError}. */
export function parsePortRange(text: string, env: Readonly<Record<string, string | undefined>>): PortRange | undefined {
  if (text.trim() === '') return undefined;
  const [, lowText, highText] = /^\s*(\d{1,5})\s*\.\.\s*(\d{1,5})\s*$/.exec(text) ?? [];
  const range = { low: Number(lowText), high: Number(highText) };
  if (lowText === undefined) throw new LauncherError(`--port-range '${text}' is not two numbers as in 40000..42000`);
  if (range.low === range.high) return undefined;
  const minSize = minimumSize(env);
  if (range.high - range.low < minSize) {
    const message = `--port-range '${text}' must hold at least ${String(minSize)} ports (GP_MIN_PORT_RANGE_SIZE)`;
    throw new LauncherError(message);
  }
  if (range.low >= 1024 && range.high <= 65_535) return range;
  throw new LauncherError(`--port-range '${text}' leaves 1024..65535`);
}

function minimumSize(env: Readonly<Record<string, string | undefined>>): number {
  for (const name of ['GP_MIN_PORT_RANGE_SIZE', 'MIN_PORT_RANGE_SIZE', 'EG_MIN_PORT_RANGE_SIZE']) {
    const text = env[name] ?? '';
    if (/^\d{1,5}$/.test(text)) return Number(text);
    if (text !== '') throw new LauncherError(`${name} is '${text}'; it must be a number of ports`);
  }
  return 1000;
}
