import { randomUUID } from 'node:crypto';
import type { Cell, Notebook } from './notebook.ts';
import { parameterCode } from './parameter-code.ts';
import type { Parameters } from './parameter-values.ts';

/**
 * Adds a cell that sets the parameters, where papermill puts it: instead of the cell tagged `injected-parameters`, else
 * after the one tagged `parameters`, else at the top. Without parameters nothing changes.
 */
export function injectParameters(notebook: Notebook, parameters: Parameters, language: string): void {
  if (parameters.size === 0) return;
  const { cells } = notebook;
  const injected = cells.findIndex(({ tags }) => tags.includes('injected-parameters'));
  const defaults = cells.findIndex(({ tags }) => tags.includes('parameters'));
  const code = parameterCode(language, parameters, cells[defaults]?.source);
  const cell = newCodeCell(code, notebook.nbformatMinor);
  if (injected >= 0) cells.splice(injected, 1, cell);
  else cells.splice(defaults + 1, 0, cell);
}

function newCodeCell(source: string, nbformatMinor: number): Cell {
  const tags = ['injected-parameters'];
  return {
    cellType: 'code',
    source,
    tags,
    fields: {
      // Cells have ids since nbformat 4.5.
      ...(nbformatMinor >= 5 ? { id: randomUUID().slice(0, 8) } : {}),
      metadata: { tags },
      outputs: [],
      execution_count: null,
    },
  };
}
