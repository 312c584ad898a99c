import { chmod, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NumberText } from '../notebook/parameter-values.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { joinParameterArguments, parseParameter, readParameterFile } from './parameter-arguments.ts';
import { createProgress } from './progress.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-run-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('parameters on the command line', () => {
  it('take two values, or one with an equals sign', () => {
    const args = ['run', '-p', 'a', '-1', '-r', 'b', '--c', '-p', 'd=e f', 'x.ipynb', '--', '-p', 'y'];
    expect(joinParameterArguments(args)).toEqual([
      'run',
      '--parameter=a=-1',
      '--raw-parameter=b=--c',
      '--parameter=d=e f',
      'x.ipynb',
      '--',
      '-p',
      'y',
    ]);
    expect(joinParameterArguments(['-p'])).toEqual(['-p']);
    expect(joinParameterArguments(['-p', 'lonely'])).toEqual(['--parameter=lonely']);
  });

  it('are guessed or taken as text', () => {
    expect(parseParameter('a=1', false)).toEqual(['a', new NumberText('1')]);
    expect(parseParameter('a=1', true)).toEqual(['a', '1']);
    expect(parseParameter('a=b=c', false)).toEqual(['a', 'b=c']);
    expect(() => parseParameter('lonely', false)).toThrow('"lonely" has no value');
    expect(() => parseParameter('a b=1', false)).toThrow('parameter name "a b"');
  });

  it('come from a file as well', async () => {
    const path = join(folder, 'parameters.json');
    await writeFile(path, '{"a": 1, "b": [null, {"c": "d"}]}');
    expect([...(await readParameterFile(path))]).toEqual([
      ['a', 1],
      ['b', [null, { c: 'd' }]],
    ]);
    for (const [text, reason] of [
      ['[1]', 'must hold a JSON object'],
      ['{', 'cannot be read'],
      ['{"a b": 1}', 'parameter name "a b"'],
    ] as const) {
      await writeFile(path, text);
      await expect(readParameterFile(path)).rejects.toThrow(reason);
    }
    await expect(readParameterFile(join(folder, 'none'))).rejects.toThrow('none');
  });
});

describe('writeFileAtomically', () => {
  it('keeps mode and link, and leaves no draft', async () => {
    const path = join(folder, 'real.ipynb');
    await writeFile(path, 'old');
    await chmod(path, 0o640);
    await symlink('real.ipynb', join(folder, 'link.ipynb'));
    await writeFileAtomically(join(folder, 'link.ipynb'), 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    await writeFileAtomically(join(folder, 'fresh.ipynb'), 'text');
    expect(await readFile(join(folder, 'fresh.ipynb'), 'utf8')).toBe('text');
    await expect(writeFileAtomically(join(folder, 'no', 'where'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(writeFileAtomically(folder, 'x')).rejects.toMatchObject({
      code: expect.stringMatching(/EISDIR|ENOTEMPTY|EEXIST/),
    });
    expect(
      (await readdir(join(folder, '..'))).filter((name) => name.endsWith('.tmp') && name.includes('cli-run-')),
    ).toEqual([]);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('progress', () => {
  function record(isTTY: boolean) {
    let text = '';
    let time = 0;
    const output = {
      isTTY,
      columns: 60,
      write: (part: string) => {
        text += part;
      },
    };
    const progress = createProgress(output, () => (time += 500));
    progress.begin?.(2);
    progress.cellBegins?.({ number: 1, done: 0 });
    void progress.cellEnds?.({ number: 1, done: 1, failed: false });
    progress.note('a note');
    progress.cellBegins?.({ number: 3, done: 1 });
    void progress.cellEnds?.({ number: 3, done: 2, failed: true });
    progress.end();
    return text;
  }

  it('is a line per cell without a terminal', () => {
    expect(record(false)).toBe('[1/2] cell 1 done in 0.5 s\na note\n[2/2] cell 3 raised an error after 0.5 s\n');
  });

  it('is a bar on a terminal, and leaves the cursor on a new line', () => {
    const text = record(true);
    expect(text).toContain(`[${'#'.repeat(15)}${'-'.repeat(15)}] 1/2`);
    expect(text).toContain('\r\x1b[Ka note\n');
    expect(text.endsWith(`[${'#'.repeat(30)}] 2/2 cell 3\n`)).toBe(true);
    for (const line of text.split(/[\r\n]/)) expect(line.length).toBeLessThan(64);
  });
});
