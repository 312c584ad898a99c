import { ProvisionerError } from './errors.ts';

/** Ports that may be used, both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

/**
 * Reads `low..high`, the form of `GP_PORT_RANGE` and of kernelspecs. Undefined, meaning any port, for an empty text and
 * when both ends are equal (`0..0`).
 * Errors: `INVALID_PORT_RANGE` when it has another form, holds fewer than `minSize` ports (default 1000,
 * `GP_MIN_PORT_RANGE_SIZE`: five ports a kernel, and room for ports that are taken) or leaves 1024..65535. The texts are
 * those of Gateway Provisioners and Enterprise Gateway, with their double blanks: people search logs for them.
 */
export function parsePortRange(text: string, options: { readonly minSize?: number } = {}): PortRange | undefined {
  const minSize = options.minSize ?? 1000;
  if (text.trim() === '') return undefined;
  const [, lowText, highText] = /^\s*(\d{1,5})\s*\.\.\s*(\d{1,5})\s*$/.exec(text) ?? [];
  if (lowText === undefined || highText === undefined) {
    throw invalid(
      `Port range validation failed for range: '${shorten(text)}'.  Error was: two numbers are expected, as in 40000..42000`,
    );
  }
  const range: PortRange = { low: Number(lowText), high: Number(highText) };
  const size = range.high - range.low;
  if (size === 0) return undefined;
  if (size < minSize) {
    throw invalid(
      `Port range validation failed for range: '${shorten(text)}'.  Range size must be at least ` +
        `${String(Math.max(1, minSize))} as specified by env GP_MIN_PORT_RANGE_SIZE`,
    );
  }
  if (range.low < LOWEST_PORT || range.high > HIGHEST_PORT) {
    throw invalid(
      `Invalid port range '${shorten(text)}' specified. Range for valid port numbers is ` +
        `(${String(LOWEST_PORT)}, ${String(HIGHEST_PORT)}).`,
    );
  }
  return range;
}

function shorten(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}

function invalid(message: string): ProvisionerError {
  return new ProvisionerError('INVALID_PORT_RANGE', message);
}
