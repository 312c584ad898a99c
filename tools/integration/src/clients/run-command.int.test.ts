import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ResourceStack } from '@gateway-provisioners/core';
import { cliProgram } from '../support/gateway-under-test.ts';
import { readNormalisedCells } from '../support/notebook-outputs.ts';
import { processesMarked } from '../support/process-census.ts';
import { pythonTestsFolder } from '../support/python-tests.ts';
import { runProgram } from '../support/run-program.ts';
import type { ProgramResult } from '../support/run-program.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { testPython } from '../support/test-environment.ts';
import { until } from '../support/until.ts';

const everyKindOfOutput = [
  `import sys
print('one')
print('two')
print('err', file=sys.stderr)
print('three é 漢 🙂')`,
  `for i in range(5000): print(i)`,
  `6 * 7`,
  `from IPython.display import HTML, JSON, Image, Markdown, clear_output, display
import base64
display(HTML('<b>x</b>'), Markdown('*x*'))
display(JSON({'a': [1, {'b': None}]}), metadata={'note': 'kept'})
display(Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')))`,
  `handle = display('before', display_id='changing')
print('between')
handle.update('after')`,
  `print('cleared')
clear_output()
print('stays')
clear_output(wait=True)
print('replaced')`,
  `display('seen twice', display_id='changing')`,
  `print('no newline', end='')`,
  ``,
  `# nothing to show
x = 1`,
  `class Shown:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'text/plain': 'plain', 'application/vnd.test+json': {'deep': [1, 2, {'x': 'y'}]}}
Shown()`,
];

describe('gateway-provisioners run, compared with nbclient and papermill', () => {
  const resources = new ResourceStack();
  let scratch: ScratchFolder;
  let folder: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    scratch = resources.use(await createScratchFolder());
    folder = await scratch.folder('notebooks');
    environment = await scratch.environment({ python: testPython() });
  });

  afterAll(async () => {
    try {
      await until({ what: 'end of all kernels' }, async () => (await processesMarked(scratch.path)).length === 0);
    } finally {
      for (const { pid } of await processesMarked(scratch.path)) process.kill(pid, 'SIGKILL');
      await resources[Symbol.asyncDispose]();
    }
  });

  const run = (command: readonly [string, ...string[]]): Promise<ProgramResult> =>
    runProgram({ command, cwd: folder, env: environment, timeoutMs: 90_000 });
  const ours = (...args: readonly string[]): Promise<ProgramResult> =>
    run([process.execPath, cliProgram(), 'run', '--no-progress', ...args]);
  const reference = (script: string, ...args: readonly string[]): Promise<ProgramResult> =>
    run([testPython(), join(pythonTestsFolder, script), ...args]);

  const write = async (name: string, sources: readonly string[]): Promise<string> => {
    const path = join(folder, name);
    const cells = sources.map((source, index) => ({
      id: `cell-${index}`,
      cell_type: 'code',
      execution_count: null,
      metadata: index === 0 ? { tags: ['parameters'] } : {},
      outputs: [],
      source,
    }));
    const kernelspec = { name: 'python3', display_name: 'Python 3 (ipykernel)', language: 'python' };
    await writeFile(path, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }));
    return path;
  };

  test('every kind of output is the same as nbclient writes', async () => {
    const source = await write('outputs.ipynb', everyKindOfOutput);
    const expected = join(folder, 'outputs-nbclient.ipynb');
    const actual = join(folder, 'outputs-ours.ipynb');
    expect(await reference('run_with_nbclient.py', source, expected)).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await ours(source, '--output', actual);
    expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
    const cells = await readNormalisedCells(actual);
    expect(cells).toEqual(await readNormalisedCells(expected));
    expect(cells.map(({ outputs }) => outputs.length)).toEqual([2, 1, 1, 4, 2, 1, 2, 1, 0, 0, 1]);
  });

  test('a failing cell ends the run with 1, its error written, as nbclient does', async () => {
    const source = await write('failing.ipynb', [
      `print('before')`,
      `def f():\n    raise ValueError('no')\nf()`,
      `print('never')`,
    ]);
    const expected = join(folder, 'failing-nbclient.ipynb');
    const actual = join(folder, 'failing-ours.ipynb');
    expect(await reference('run_with_nbclient.py', source, expected)).toMatchObject({ exitCode: 1 });
    const result = await ours(source, '--output', actual);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('ValueError');
    expect(await readNormalisedCells(actual)).toEqual(await readNormalisedCells(expected));
  });

  test('with --allow-errors it goes on and ends with 0, as nbclient does', async () => {
    const source = await write('allowed.ipynb', [`1 / 0`, `print('went on')`]);
    const expected = join(folder, 'allowed-nbclient.ipynb');
    const actual = join(folder, 'allowed-ours.ipynb');
    expect(await reference('run_with_nbclient.py', source, expected, '--allow-errors')).toMatchObject({ exitCode: 0 });
    expect(await ours(source, '--output', actual, '--allow-errors')).toMatchObject({ exitCode: 0 });
    const cells = await readNormalisedCells(actual);
    expect(cells).toEqual(await readNormalisedCells(expected));
    expect(cells.map(({ outputs }) => outputs.length)).toEqual([1, 1]);
  });

  test('parameters give the outputs that papermill gives', async () => {
    const source = await write('parameters.ipynb', [
      `alpha, names, nothing, flag, text = 0, [], 1, False, ''`,
      `print(repr([alpha, names, nothing, flag, text]))`,
    ]);
    const parameters = {
      alpha: 0.5,
      names: ['é', { deep: [1, -2e300] }],
      nothing: null,
      flag: true,
      text: `it's "quoted"\n\\ and more`,
    };
    const file = join(folder, 'parameters.json');
    await writeFile(file, JSON.stringify(parameters));
    const expected = join(folder, 'parameters-papermill.ipynb');
    const actual = join(folder, 'parameters-ours.ipynb');
    expect(await reference('run_with_papermill.py', source, expected, file)).toMatchObject({ exitCode: 0 });
    expect(await ours(source, '--output', actual, '--params-file', file)).toMatchObject({ exitCode: 0 });
    const outputs = async (path: string) => (await readNormalisedCells(path)).map((cell) => cell.outputs);
    expect(await outputs(actual)).toEqual(await outputs(expected));
    expect((await outputs(actual)).at(-1)?.[0]?.['text']).toContain('quoted');
  });
});
