import type { JsonObject, JsonValue } from '@gateway-provisioners/core';
import type { Cell, CellOutput, Notebook } from './notebook.ts';
import { objectAt } from './notebook.ts';

/**
 * The text of a notebook as Jupyter's own nbformat library writes it: keys sorted, one space of indentation, texts as
 * arrays of lines, a newline at the end. So a notebook that was executed differs from its source in outputs alone.
 */
export function writeNotebook(notebook: Notebook): string {
  const document: JsonObject = {
    ...notebook.fields,
    nbformat: 4,
    nbformat_minor: notebook.nbformatMinor,
    metadata: without(notebook.metadata, ['orig_nbformat', 'orig_nbformat_minor', 'signature']),
    cells: notebook.cells.map(writeCell),
  };
  return `${JSON.stringify(sortKeys(document), null, 1)}\n`;
}

function writeCell(cell: Cell): JsonObject {
  const { cellType, source, fields, outputs, executionCount } = cell;
  const metadata = objectAt(fields['metadata']) ?? {};
  return {
    ...fields,
    metadata: without(metadata, ['trusted']),
    cell_type: cellType,
    source: splitLines(source),
    ...(outputs === undefined ? {} : { outputs: outputs.map(writeOutput) }),
    ...(executionCount === undefined ? {} : { execution_count: executionCount }),
  };
}

function writeOutput(output: CellOutput): JsonObject {
  switch (output.output_type) {
    case 'stream':
      return { ...output, text: splitLines(output.text) };
    case 'error':
      return { ...output, traceback: [...output.traceback] };
    case 'display_data':
    case 'execute_result':
      return { ...output, data: writeBundle(output.data) };
  }
}

/** Texts of these types become arrays of lines; all other values stand as they are. */
function writeBundle(data: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(data).map(([type, value]) => [
      type,
      typeof value === 'string' && isLineBased(type) ? splitLines(value) : value,
    ]),
  );
}

function isLineBased(type: string): boolean {
  return type.startsWith('text/') || type === 'application/javascript' || type === 'image/svg+xml';
}

// The line ends of Python's str.splitlines, which nbformat uses.
const LINE = /[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$)/g;

/** Lines with their ends; joined again they are the text. */
export function splitLines(text: string): readonly string[] {
  return (text.match(LINE) ?? []).filter((line) => line !== '');
}

/** Some marks are for the running application only, and never belong in a file. */
function without(record: JsonObject, transient: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !transient.includes(key)));
}

function sortKeys(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) {
    const entries: readonly JsonValue[] = value;
    return entries.map((entry) => sortKeys(entry) ?? null);
  }
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value).sort();
  const record: JsonObject = Object.fromEntries(Object.entries(value));
  const sorted: Record<string, JsonValue | undefined> = {};
  for (const key of keys) {
    // Not an assignment, which would treat a key named __proto__ as something else.
    Object.defineProperty(sorted, key, { value: sortKeys(record[key]), enumerable: true, configurable: true });
  }
  return sorted;
}
