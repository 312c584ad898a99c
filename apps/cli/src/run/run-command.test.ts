import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testCli } from '../testing/run-in-test.ts';
import type { TestCli } from '../testing/run-in-test.ts';

/** These run real notebooks in the TypeScript kernel that comes with npm. */
let cli: TestCli;
let folder = '';
beforeEach(async () => {
  cli = await testCli();
  folder = cli.folder;
});
afterEach(async () => {
  await cli[Symbol.asyncDispose]();
});

interface WrittenCell {
  readonly source: readonly string[];
  readonly execution_count: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Readonly<Record<string, unknown>>[];
}

const code = (source: string, ...tags: string[]) => ({
  cell_type: 'code',
  id: `id-${String(source.length)}`,
  metadata: tags.length === 0 ? {} : { tags },
  execution_count: null,
  outputs: [{ output_type: 'stream', name: 'stdout', text: ['old\n'] }],
  source,
});

async function notebook(...cells: readonly object[]): Promise<string> {
  const path = join(folder, 'nb.ipynb');
  const kernelspec = { name: 'deno', display_name: 'Deno', language: 'typescript' };
  await writeFile(path, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }));
  return path;
}

async function cellsOf(path: string): Promise<readonly WrittenCell[]> {
  const document = JSON.parse(await readFile(path, 'utf8')) as { readonly cells: readonly WrittenCell[] };
  return document.cells;
}

async function run(args: readonly string[], more: Parameters<TestCli['run']>[1] = {}) {
  const result = await cli.run(['run', ...args], more);
  const left = (await readdir(folder)).filter(
    (name) => name.startsWith('gateway-provisioners-') || name.endsWith('.tmp'),
  );
  expect(left).toEqual([]);
  return result;
}

const text = (cell: WrittenCell | undefined) =>
  (cell?.outputs ?? []).flatMap((output) => (output['text'] as readonly string[] | undefined) ?? []).join('');

describe('run', () => {
  it('executes a notebook in place', async () => {
    const path = await notebook(
      { cell_type: 'markdown', id: 'm', metadata: {}, source: '# Title' },
      code("console.log('hello'); console.error('oops'); 6 * 7"),
      code('throw new Error("not run")', 'skip-execution'),
      code('  '),
      code('throw new Error("expected")', 'raises-exception'),
      code('const late = await Promise.resolve(1); late + 1'),
    );
    await chmod(path, 0o600);
    const { exitCode, stdout, stderr } = await run(['nb.ipynb']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(stderr).toContain('[3/3] cell 6 done');
    const [, first, skipped, empty, raising, last] = await cellsOf(path);
    expect(first).toMatchObject({
      execution_count: 1,
      outputs: [
        { output_type: 'stream', name: 'stdout', text: ['hello\n'] },
        { output_type: 'stream', name: 'stderr', text: ['oops\n'] },
        { output_type: 'execute_result', execution_count: 1, data: { 'text/plain': [expect.stringContaining('42')] } },
      ],
    });
    for (const cell of [skipped, empty]) expect(text(cell)).toBe('old\n');
    expect(raising).toMatchObject({ execution_count: 2, outputs: [{ output_type: 'error', evalue: 'expected' }] });
    expect(last?.execution_count).toBe(3);
    expect(await readFile(path, 'utf8')).toContain('"language_info"');
  });

  it('stops at the first error, says which, and writes the outputs so far', async () => {
    const path = await notebook(code("console.log('before')"), code('null!.field'), code("console.log('after')"));
    const original = await readFile(path, 'utf8');
    const { exitCode, stderr } = await run(['nb.ipynb', '-o', 'out.ipynb']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Cell 2 raised TypeError');
    expect(stderr).toContain('    null!.field');
    expect(stderr).toContain('cell 2 failed');
    expect(await readFile(path, 'utf8')).toBe(original);
    const [before, failed, after] = await cellsOf(join(folder, 'out.ipynb'));
    expect(text(before)).toBe('before\n');
    expect(failed?.outputs).toMatchObject([{ output_type: 'error', ename: 'TypeError' }]);
    expect(text(after)).toBe('old\n');
  });

  it('goes on after errors when told to', async () => {
    await notebook(code('throw new Error("one")'), code("console.log('after')"));
    const { exitCode, stdout, stderr } = await run(['nb.ipynb', '--allow-errors', '-o', '-', '--no-progress']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const { cells } = JSON.parse(stdout) as { readonly cells: readonly WrittenCell[] };
    expect(text(cells[1])).toBe('after\n');
  });

  it('sets parameters', async () => {
    await notebook(
      code("let who = 'nobody'; const count = 0;", 'parameters'),
      code('console.log(JSON.stringify([who, count, extra]))'),
    );
    await writeFile(join(folder, 'parameters.json'), '{"who": "file", "extra": {"a": [1, "`${"]}}');
    const args = [
      'nb.ipynb',
      '-o',
      'out.ipynb',
      '-p',
      'count',
      '7',
      '-r',
      'who',
      '8',
      '--params-file',
      'parameters.json',
    ];
    expect((await run(args)).exitCode).toBe(0);
    const [, injected, last] = await cellsOf(join(folder, 'out.ipynb'));
    expect(injected?.metadata).toEqual({ tags: ['injected-parameters'] });
    expect(JSON.parse(text(last))).toEqual(['8', 7, { a: [1, '`${'] }]);
  });

  it('interrupts a cell that takes too long, and fails', async () => {
    const path = await notebook(code("console.log('begins'); while (true) {}"));
    // What comes first must have been printed by then, on a machine that is slow or stands still for a moment too.
    const { exitCode, stderr } = await run(['nb.ipynb', '--timeout', '5']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('longer than 5000 ms');
    expect(text((await cellsOf(path))[0])).toBe('begins\n');
  });

  it('ends the kernel and writes what there is when it is told to stop', async () => {
    const path = await notebook(code("console.log('first')"), code('await new Promise(() => {})'));
    const stop = new AbortController();
    const onText = (shown: string) => {
      if (shown.includes('[1/2]')) stop.abort();
    };
    const { exitCode } = await run(['nb.ipynb'], { signal: stop.signal, onText });
    expect(exitCode).toBe(1);
    const [first, second] = await cellsOf(path);
    expect(text(first)).toBe('first\n');
    expect(second?.outputs).toEqual([]);
  });

  it('reports a kernel that dies', async () => {
    const path = await notebook(code("console.log('alive')"), code('Deno.exit(3)'));
    const { exitCode, stderr } = await run(['nb.ipynb']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/gateway-provisioners: .*(died|ended|exit)/i);
    expect(text((await cellsOf(path))[0])).toBe('alive\n');
  });

  it('changes nothing when something is wrong before the first cell', async () => {
    const path = await notebook(code('1'));
    const original = await readFile(path, 'utf8');
    for (const [args, exitCode, message] of [
      [['none.ipynb'], 1, 'none.ipynb cannot be read'],
      [['nb.ipynb', '--kernel', 'dneo'], 1, 'did you mean deno'],
      [['nb.ipynb', '-p', 'a b', '1'], 2, 'parameter name "a b"'],
      [['nb.ipynb', '-p', 'lonely'], 2, 'has no value'],
      [['nb.ipynb', '--timeout', '0'], 2, 'number of seconds'],
      [['nb.ipynb', '--inplace', '-o', 'x'], 2, 'cannot be used with'],
      [['nb.ipynb', '--alow-errors'], 2, 'Did you mean --allow-errors?'],
      [['nb.ipynb', '--params-file', 'none.json'], 1, 'none.json'],
      [['nb.ipynb', '--cwd', 'no/such/folder'], 1, 'no/such/folder'],
      [[], 2, "missing required argument 'file'"],
    ] as const) {
      const result = await run(args);
      expect({ args, exitCode: result.exitCode }).toEqual({ args, exitCode });
      expect(result.stderr).toContain(message);
    }
    expect(await readFile(path, 'utf8')).toBe(original);
    expect(await readdir(folder)).not.toContain('x');
  });
});
