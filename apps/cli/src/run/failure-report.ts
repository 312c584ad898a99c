import { stripVTControlCharacters } from 'node:util';
import type { CellFailure } from './execute-notebook.ts';

const MAX_SOURCE_LINES = 20;

/** A failed cell for people: number, source, traceback. */
export function failureReport(failure: CellFailure, options: { readonly colours: boolean }): string {
  const lines = failure.source.split('\n');
  const source = lines.length > MAX_SOURCE_LINES ? [...lines.slice(0, MAX_SOURCE_LINES), '…'] : lines;
  const hasTraceback = failure.traceback.some((line) => line.trim() !== '');
  const traceback = hasTraceback ? failure.traceback.join('\n') : `${failure.name}: ${failure.value}`;
  const text = [
    `Cell ${String(failure.cellNumber)} raised ${failure.name}: ${failure.value}`,
    ...source.map((line) => `    ${line}`),
    '',
    traceback,
    '',
  ].join('\n');
  return options.colours ? text : stripVTControlCharacters(text);
}
