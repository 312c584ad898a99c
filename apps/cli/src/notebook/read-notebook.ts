import type { JsonValue } from '@gateway-provisioners/core';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { Cell, MutableJson, Notebook } from './notebook.ts';
import { objectAt } from './notebook.ts';

/**
 * Reads a notebook of nbformat 4. `path` is for error texts.
 * Errors: `INVALID_ARGUMENT` that says what is wrong and where.
 */
export function readNotebook(text: string, path: string): Notebook {
  const refuse = (problem: string, cause?: unknown): ProvisionerError =>
    new ProvisionerError('INVALID_ARGUMENT', `${path} is not a notebook: ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    throw refuse(errorMessage(error), error);
  }
  const document = objectAt(value);
  if (document === undefined) throw refuse('it holds no JSON object');
  const { nbformat, nbformat_minor: minor = 0, metadata = {}, cells, ...fields } = document;
  if (nbformat !== 4) {
    const advice = nbformat === 3 ? '; convert it with: jupyter nbconvert --to notebook --nbformat 4' : '';
    throw refuse(
      `nbformat is ${nbformat === undefined ? 'missing' : JSON.stringify(nbformat)}, and 4 is needed${advice}`,
    );
  }
  if (typeof minor !== 'number') throw refuse('nbformat_minor must be a number');
  const properties = objectAt(metadata);
  if (properties === undefined) throw refuse('metadata must be an object');
  if (!Array.isArray(cells)) throw refuse('cells must be an array');
  const entries: readonly unknown[] = cells;
  return {
    nbformatMinor: minor,
    metadata: { ...properties },
    fields: { ...fields },
    cells: entries.map((cell, index) => {
      const read = readCell(cell);
      if (typeof read === 'string') throw refuse(`cell ${String(index + 1)}: ${read}`);
      return read;
    }),
  };
}

/** The cell, or what is wrong with it. */
function readCell(value: unknown): Cell | string {
  const cell = objectAt(value);
  if (cell === undefined) return 'is not an object';
  const { cell_type: cellType, source, ...fields } = cell;
  if (typeof cellType !== 'string') return 'cell_type must be a string';
  const text = joinLines(source);
  if (text === undefined) return 'source must be a string or an array of strings';
  const metadata = fields['metadata'] ?? {};
  const properties = objectAt(metadata);
  if (properties === undefined) return 'metadata must be an object';
  if (cellType === 'code' && !Array.isArray(fields['outputs'] ?? [])) return 'outputs must be an array';
  return { cellType, source: text, tags: readTags(properties['tags']), fields: mutable(fields) };
}

function readTags(tags: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(tags)) return [];
  const entries: readonly unknown[] = tags;
  return entries.filter((tag) => typeof tag === 'string');
}

function joinLines(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const lines: readonly unknown[] = value;
  return lines.every((line) => typeof line === 'string') ? lines.join('') : undefined;
}

function mutable(fields: MutableJson): MutableJson {
  return { ...fields };
}
