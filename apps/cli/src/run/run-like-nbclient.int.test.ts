import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { testCli } from '../testing/run-in-test.ts';

const execute = promisify(execFile);

function python(): string {
  const path = process.env['GP_TEST_PYTHON'];
  if (path !== undefined) return path;
  throw new Error('GP_TEST_PYTHON is not set: run `eval "$(tools/testbeds/python.sh env)"` first');
}

const sources = [
  "print('one'); print('two', end='')\nimport sys; print('err', file=sys.stderr)\n1 + 1",
  "from IPython.display import display, clear_output, HTML, JSON, SVG, update_display\nh = display('first', display_id='x')\ndisplay(HTML('<b>\\nbold</b>')); display(JSON({'a': [1, None]}))",
  "update_display('second', display_id='x')\nfor i in range(3):\n    clear_output(wait=True)\n    print('round', i)",
  "print('gone'); clear_output(); print('stays')",
  'raise ValueError("väl\\nue")',
  '',
  'input_is = 1; input_is',
  "from IPython.display import Image\nImage(data=b'\\x89PNG\\r\\n\\x1a\\n' + b'\\0' * 80, format='png')",
  "display('third', display_id='x', update=True); _ = 5; 'text with \\x85 and \\u2028 in it'",
];

interface Book {
  readonly cells: readonly {
    outputs?: { output_type: string; text?: readonly string[]; traceback?: unknown }[];
    metadata: object;
  }[];
}

/** What legitimately differs: how a stream was cut into messages, and object addresses in tracebacks. */
function comparable(text: string): unknown {
  const book = JSON.parse(text) as Book;
  for (const cell of book.cells) {
    const joined: typeof cell.outputs = [];
    for (const output of cell.outputs ?? []) {
      const last = joined.at(-1);
      if (output.output_type === 'stream' && last?.output_type === 'stream') {
        last.text = [[...(last.text ?? []), ...(output.text ?? [])].join('')];
      } else {
        joined.push(output.output_type === 'stream' ? { ...output, text: [(output.text ?? []).join('')] } : output);
      }
    }
    if (cell.outputs !== undefined) cell.outputs = joined;
  }
  return JSON.parse(JSON.stringify(book).replaceAll(/ipykernel_\d+\/\d+\.py/g, 'FILE'));
}

describe('run, compared with nbclient', () => {
  it('writes the same notebook', async () => {
    await using cli = await testCli();
    const cells = sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${String(index)}`,
      metadata: index === 4 ? { tags: ['raises-exception'] } : {},
      source,
      outputs: [],
      execution_count: null,
    }));
    const kernelspec = { name: 'python3', display_name: 'Python 3', language: 'python' };
    const path = join(cli.folder, 'nb.ipynb');
    await writeFile(path, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }));
    const PATH = `${dirname(python())}:/usr/bin:/bin`;
    const env = { PATH, HOME: cli.folder, TMPDIR: cli.folder };
    const script = [
      'import nbformat, nbclient',
      "book = nbformat.read('nb.ipynb', as_version=4)",
      'nbclient.NotebookClient(book, record_timing=False, store_widget_state=False).execute()',
      "nbformat.write(book, 'theirs.ipynb')",
    ].join('\n');
    await execute(python(), ['-c', script], { cwd: cli.folder, env });
    const ours = await cli.run(['run', 'nb.ipynb', '-o', 'ours.ipynb'], { env });
    expect(ours).toMatchObject({ exitCode: 0 });
    const [theirText, ourText] = await Promise.all(
      ['theirs.ipynb', 'ours.ipynb'].map((name) => readFile(join(cli.folder, name), 'utf8')),
    );
    expect(comparable(ourText ?? '')).toEqual(comparable(theirText ?? ''));
    // Not only the same data: nbformat would write our file no differently.
    await execute(
      python(),
      [
        '-c',
        "import nbformat; b = nbformat.read('ours.ipynb', as_version=4); nbformat.validate(b); nbformat.write(b, 'again.ipynb')",
      ],
      { cwd: cli.folder, env },
    );
    expect(await readFile(join(cli.folder, 'again.ipynb'), 'utf8')).toBe(ourText);
  });

  it('gives parameters to Python as papermill does', async () => {
    await using cli = await testCli();
    const cell = (id: string, source: string, tags: readonly string[]) => ({
      cell_type: 'code',
      id,
      metadata: { tags },
      source,
      outputs: [],
      execution_count: null,
    });
    const kernelspec = { name: 'python3', display_name: 'Python 3', language: 'python' };
    const cells = [
      cell('a', 'who = None; n = 0; f = 0; d = {}', ['parameters']),
      cell('b', 'import json; print(json.dumps([who, n, f, d], sort_keys=True))', []),
    ];
    await writeFile(
      join(cli.folder, 'nb.ipynb'),
      JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }),
    );
    const d = { quote: `'"\\\n`, deep: [true, null, 1.5, 'ünï\u2028\u0000'] };
    await writeFile(join(cli.folder, 'p.json'), JSON.stringify({ d }));
    const env = { PATH: `${dirname(python())}:/usr/bin:/bin`, HOME: cli.folder, TMPDIR: cli.folder };
    const args = [
      'run',
      'nb.ipynb',
      '-o',
      'ours.ipynb',
      '-p',
      'who',
      'me',
      '-p',
      'n',
      '3',
      '-p',
      'f',
      '1.0',
      '--params-file',
      'p.json',
    ];
    expect(await cli.run(args, { env })).toMatchObject({ exitCode: 0 });
    const values = ['-p', 'who', 'me', '-p', 'n', '3', '-p', 'f', '1.0', '-f', 'p.json'];
    await execute(python(), ['-m', 'papermill', 'nb.ipynb', 'theirs.ipynb', '--no-progress-bar', ...values], {
      cwd: cli.folder,
      env,
    });
    const printed = await Promise.all(
      ['ours.ipynb', 'theirs.ipynb'].map(async (name) => {
        const book = JSON.parse(await readFile(join(cli.folder, name), 'utf8')) as Book;
        return book.cells.map(({ outputs }) => outputs?.[0]?.text?.join(''));
      }),
    );
    expect(printed[0]).toEqual(printed[1]);
    expect(JSON.parse(printed[0]?.[2] ?? '')).toEqual(['me', 3, 1, d]);
    expect(printed[0]?.[2]).toContain('1.0');
  });
});
