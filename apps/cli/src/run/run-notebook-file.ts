import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { CliContext } from '../cli-context.ts';
import { FailedCommand } from '../failed-command.ts';
import { openLocalKernels } from '../host/local-kernels.ts';
import { injectParameters } from '../notebook/inject-parameters.ts';
import { kernelNameOf } from '../notebook/notebook.ts';
import type { Notebook } from '../notebook/notebook.ts';
import { parameterCode } from '../notebook/parameter-code.ts';
import type { Parameters } from '../notebook/parameter-values.ts';
import { readNotebook } from '../notebook/read-notebook.ts';
import { writeNotebook } from '../notebook/write-notebook.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { executeNotebook } from './execute-notebook.ts';
import type { CellFailure } from './execute-notebook.ts';
import { failureReport } from './failure-report.ts';
import { createProgress } from './progress.ts';
import type { Progress } from './progress.ts';

export interface RunNotebookFileOptions {
  readonly context: CliContext;
  readonly file: string;
  /** `-` for standard output; default: the file itself. */
  readonly output?: string | undefined;
  readonly kernelName?: string | undefined;
  readonly parameters: Parameters;
  readonly cellTimeoutMs?: number | undefined;
  readonly startTimeoutMs: number;
  readonly kernelCwd?: string | undefined;
  readonly allowErrors: boolean;
  readonly showProgress: boolean;
}

/** A long notebook is saved this often, so that a crash of the machine does not cost all of it. */
const SAVE_EVERY_MS = 10_000;

/**
 * Executes a notebook file. The outputs so far are written whatever happens after the first cell began.
 * Errors: `FailedCommand` when a cell raised; those of the kernel and of the file system.
 */
export async function runNotebookFile(options: RunNotebookFileOptions): Promise<void> {
  const { context } = options;
  const path = resolve(context.cwd, options.file);
  const notebook = readNotebook(await readNotebookText(path, options.file), options.file);
  const silent = { write: () => undefined };
  const progress = createProgress(options.showProgress ? context.stderr : silent, context.now);
  let failure: CellFailure | undefined;
  try {
    failure = await startAndExecute(notebook, path, { ...options, progress });
  } finally {
    progress.end();
  }
  if (failure === undefined) return;
  context.stderr.write(failureReport(failure, { colours: context.stderr.isTTY === true }));
  throw new FailedCommand(`cell ${String(failure.cellNumber)} failed`);
}

async function startAndExecute(
  notebook: Notebook,
  path: string,
  options: RunNotebookFileOptions & { readonly progress: Progress },
): Promise<CellFailure | undefined> {
  const { context, progress, parameters } = options;
  const { signal } = context;
  await using kernels = await openLocalKernels(context.env);
  const name = options.kernelName ?? kernelNameOf(notebook) ?? (await kernels.kernelspecs.defaultName({ signal }));
  const spec = await kernels.kernelspecs.find(name, { signal });
  // Before the kernel starts, so that values that cannot be written cost nothing.
  if (parameters.size > 0) parameterCode(spec.language, parameters);
  if (options.showProgress) progress.note(`Starting ${spec.displayName} …`);
  const kernel = await kernels.manager.start({
    name: spec.name,
    cwd: resolve(context.cwd, options.kernelCwd ?? dirname(path)),
    launchTimeoutMs: options.startTimeoutMs,
    signal,
  });
  injectParameters(notebook, parameters, spec.language);
  let savedAt = context.now();
  try {
    return await executeNotebook({
      notebook,
      kernel,
      cellTimeoutMs: options.cellTimeoutMs,
      allowErrors: options.allowErrors,
      signal,
      observer: {
        ...progress,
        async cellEnds(cell) {
          await progress.cellEnds?.(cell);
          if (options.output === '-' || context.now() - savedAt < SAVE_EVERY_MS) return;
          await save(notebook, path, options);
          savedAt = context.now();
        },
      },
    });
  } finally {
    await save(notebook, path, options);
    // Who gives up does not want to wait for a kernel to end in good order.
    if (signal.aborted) await kernel.shutdown({ now: true });
  }
}

async function save(notebook: Notebook, path: string, options: RunNotebookFileOptions): Promise<void> {
  const text = writeNotebook(notebook);
  if (options.output === '-') {
    options.context.stdout.write(text);
    return;
  }
  const target = options.output === undefined ? path : resolve(options.context.cwd, options.output);
  await writeFileAtomically(target, text);
}

async function readNotebookText(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ProvisionerError('INVALID_ARGUMENT', `${shown} cannot be read: ${errorMessage(cause)}`, { cause });
  }
}
