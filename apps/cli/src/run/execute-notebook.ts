import type { JsonObject } from '@gateway-provisioners/core';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import type { Cell, Notebook } from '../notebook/notebook.ts';
import { objectAt } from '../notebook/notebook.ts';
import { OutputAssembler } from '../notebook/output-assembler.ts';

/** The part of a kernel that executing a notebook needs. */
export type NotebookKernel = Pick<Kernel, 'execute' | 'info'>;

/** The error that a cell raised. */
export interface CellFailure {
  /** 1 for the first cell of the notebook, of any type. */
  readonly cellNumber: number;
  readonly source: string;
  readonly name: string;
  readonly value: string;
  /** As the kernel formatted it, colours included. */
  readonly traceback: readonly string[];
}

/** Hears how far the execution is. */
export interface RunObserver {
  /** `total` cells will be executed. */
  begin?(total: number): void;
  cellBegins?(cell: { readonly number: number; readonly done: number }): void;
  /** May take its time, to save the notebook. */
  cellEnds?(cell: { readonly number: number; readonly done: number; readonly failed: boolean }): Promise<void> | void;
}

export interface ExecuteNotebookOptions {
  readonly notebook: Notebook;
  readonly kernel: NotebookKernel;
  /** Bound of one cell, in milliseconds; default none. */
  readonly cellTimeoutMs?: number | undefined;
  /** Go on after cells that raise errors. */
  readonly allowErrors?: boolean | undefined;
  readonly observer?: RunObserver | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Executes the code cells in order and puts their outputs into the notebook as they arrive, so that what has been
 * produced is there whatever happens. Cells that are empty or tagged `skip-execution` keep their outputs; a cell tagged
 * `raises-exception` may raise. Stops at the first other cell that raises, and returns its error, unless `allowErrors`.
 * Errors: `DEADLINE_EXCEEDED` for a cell's time; `KERNEL_DIED`; `CANCELLED`.
 */
export async function executeNotebook(options: ExecuteNotebookOptions): Promise<CellFailure | undefined> {
  const { notebook, kernel, observer } = options;
  const language = objectAt(kernel.info?.['language_info']);
  if (language !== undefined) notebook.metadata['language_info'] = language;
  const assembler = new OutputAssembler();
  const numbered = notebook.cells
    .map((cell, index) => ({ cell, number: index + 1 }))
    .filter(({ cell }) => isToRun(cell));
  observer?.begin?.(numbered.length);
  for (const [done, { cell, number }] of numbered.entries()) {
    observer?.cellBegins?.({ number, done });
    const mayRaise = options.allowErrors === true || cell.tags.includes('raises-exception');
    const error = await executeCell(cell, { ...options, assembler, mayRaise });
    await observer?.cellEnds?.({ number, done: done + 1, failed: error !== undefined });
    if (error !== undefined && !mayRaise) return { cellNumber: number, source: cell.source, ...error };
  }
  return undefined;
}

function isToRun(cell: Cell): boolean {
  return cell.cellType === 'code' && cell.source.trim() !== '' && !cell.tags.includes('skip-execution');
}

async function executeCell(
  cell: Cell,
  options: ExecuteNotebookOptions & { readonly assembler: OutputAssembler; readonly mayRaise: boolean },
): Promise<Omit<CellFailure, 'cellNumber' | 'source'> | undefined> {
  options.assembler.begin(cell);
  const execution = options.kernel.execute(cell.source, {
    storeHistory: true,
    stopOnError: !options.mayRaise,
    timeoutMs: options.cellTimeoutMs,
    signal: options.signal,
  });
  // The loop below reports the same failure.
  execution.reply.catch(() => undefined);
  for await (const message of execution) {
    const content = objectAt(message.parseContent()) ?? {};
    options.assembler.add(cell, { msgType: message.header.msg_type, content });
  }
  return errorOf(objectAt(await execution.reply) ?? {});
}

function errorOf(reply: JsonObject): Omit<CellFailure, 'cellNumber' | 'source'> | undefined {
  const { status, ename, evalue, traceback } = reply;
  if (status === 'ok') return undefined;
  if (status === 'aborted' || status === 'abort') {
    return { name: 'Aborted', value: 'the kernel did not run the cell', traceback: [] };
  }
  const lines: readonly unknown[] = Array.isArray(traceback) ? traceback : [];
  return {
    name: typeof ename === 'string' ? ename : 'Error',
    value: typeof evalue === 'string' ? evalue : '',
    traceback: lines.filter((line) => typeof line === 'string'),
  };
}
