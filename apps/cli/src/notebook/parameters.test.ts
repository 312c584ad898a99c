import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Cell, Notebook } from './notebook.ts';
import { injectParameters } from './inject-parameters.ts';
import { parameterCode } from './parameter-code.ts';
import type { ParameterValue } from './parameter-values.ts';
import { NumberText, checkParameterName, guessParameterValue } from './parameter-values.ts';

const parameters = new Map<string, ParameterValue>([
  ['text', 'a "b" \\ $x\n'],
  ['count', new NumberText('-12')],
  ['ratio', 0.5],
  ['yes', true],
  ['none', null],
  ['list', [1, 'two', false]],
  ['map', { key: { inner: 1 } }],
]);

describe('parameterCode', () => {
  it.each([
    [
      'python',
      '# Parameters\ntext = "a \\"b\\" \\\\ $x\\n"\ncount = -12\nratio = 0.5\nyes = True\nnone = None\n' +
        'list = [1, "two", False]\nmap = {"key": {"inner": 1}}\n',
    ],
    [
      'R',
      '# Parameters\ntext = "a \\"b\\" \\\\ $x\\n"\ncount = -12\nratio = 0.5\nyes = TRUE\nnone = NULL\n' +
        'list = list(1, "two", FALSE)\nmap = list("key" = list("inner" = 1))\n',
    ],
    [
      'scala',
      '// Parameters\nval text = "a \\"b\\" \\\\ $x\\n"\nval count = -12\nval ratio = 0.5\nval yes = true\nval none = None\n' +
        'val list = Seq(1, "two", false)\nval map = Map("key" -> Map("inner" -> 1))\n',
    ],
    [
      'typescript',
      '// Parameters\nvar text = "a \\"b\\" \\\\ $x\\n";\nvar count = -12;\nvar ratio = 0.5;\nvar yes = true;\nvar none = null;\n' +
        'var list = [1, "two", false];\nvar map = {["key"]: {["inner"]: 1}};\n',
    ],
    [
      'julia',
      '# Parameters\ntext = "a \\"b\\" \\\\ \\$x\\n"\ncount = -12\nratio = 0.5\nyes = true\nnone = nothing\n' +
        'list = [1, "two", false]\nmap = Dict("key" => Dict("inner" => 1))\n',
    ],
  ])('writes %s', (language, expected) => {
    expect(parameterCode(language, parameters)).toBe(expected);
  });

  it('declares again in JavaScript as it was declared before', () => {
    const defaults = 'let a = 1, b = [2];\nconst c = 3 // let d\nvar letter = 4, e = c; f = 5; let g, gg = 1';
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'gg', 'letter', 'x'];
    const code = parameterCode('typescript', new Map(names.map((name) => [name, 0])), defaults);
    const keywords = code
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(' ')[0]);
    expect(keywords).toEqual(['let', 'let', 'const', 'let', 'var', 'var', 'let', 'let', 'var', 'var']);
  });

  it('writes bash, as far as bash goes', () => {
    expect(parameterCode('bash', new Map([['a', "it's $HOME"]]))).toBe("# Parameters\na='it'\\''s $HOME'\n");
    expect(() => parameterCode('bash', new Map([['a', [1]]]))).toThrow('bash parameters cannot hold a list');
  });

  it('writes long integers for Scala as such', () => {
    expect(parameterCode('scala', new Map([['a', new NumberText('3000000000')]]))).toContain('val a = 3000000000L');
  });

  it('refuses what cannot be written', () => {
    expect(() => parameterCode('cobol', parameters)).toThrow(/"cobol" \(known: python, r, scala/);
    expect(() => parameterCode('R', new Map([['a', 'x\0']]))).toThrow('NUL');
    expect(() => parameterCode('R', new Map([['a', '\ud800']]))).toThrow('surrogate');
  });

  it('gives every value back when it is run: no value can become code', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = JSON.parse(JSON.stringify({ value, text })) as { value: null; text: string };
        const run: unknown = runInNewContext(
          `${parameterCode('javascript', new Map(Object.entries(json)))};[value, text]`,
        );
        expect(JSON.parse(JSON.stringify(run))).toEqual([json.value, json.text]);
      }),
    );
  });
});

describe('guessParameterValue', () => {
  it.each([
    ['True', true],
    ['false', false],
    ['None', null],
    ['12', new NumberText('12')],
    ['+12', new NumberText('12')],
    ['12345678901234567890', new NumberText('12345678901234567890')],
    ['1.0', new NumberText('1.0')],
    ['-1e-3', new NumberText('-1e-3')],
    ['007', '007'],
    ['1_000', '1_000'],
    ['0x10', '0x10'],
    ['', ''],
    ['a', 'a'],
    ['1;import os', '1;import os'],
  ])('reads %j', (text, value) => {
    expect(guessParameterValue(text)).toEqual(value);
  });

  it.each(['', '1a', 'a b', 'a.b', 'a=1', 'a;b', '--x'])('refuses the name %j', (name) => {
    expect(() => checkParameterName(name)).toThrow(JSON.stringify(name));
  });
});

describe('injectParameters', () => {
  const cell = (source: string, ...tags: string[]): Cell => ({ cellType: 'code', source, tags, fields: {} });
  const notebook = (...cells: Cell[]): Notebook => ({ nbformatMinor: 5, metadata: {}, cells, fields: {} });
  const after = (...cells: Cell[]) => {
    const book = notebook(...cells);
    injectParameters(book, new Map([['a', 1]]), 'python');
    return book.cells.map(({ source }) => source);
  };
  const code = '# Parameters\na = 1\n';

  it('puts the cell where papermill puts it', () => {
    expect(after(cell('one'), cell('defaults', 'parameters'), cell('two'))).toEqual(['one', 'defaults', code, 'two']);
    expect(after(cell('one'), cell('two'))).toEqual([code, 'one', 'two']);
    expect(after(cell('d', 'parameters'), cell('old', 'injected-parameters'), cell('x'))).toEqual(['d', code, 'x']);
  });

  it('tags the cell and gives it an id where the format has ids', () => {
    const book = notebook(cell('x'));
    injectParameters(book, new Map([['a', 1]]), 'python');
    expect(book.cells[0]).toMatchObject({
      fields: { id: expect.stringMatching(/^[0-9a-f]{8}$/), metadata: { tags: ['injected-parameters'] } },
    });
    const old = { ...notebook(cell('x')), nbformatMinor: 4 };
    injectParameters(old, new Map([['a', 1]]), 'python');
    expect(old.cells[0]?.fields).not.toHaveProperty('id');
  });

  it('changes nothing without parameters, whatever the language', () => {
    const book = notebook(cell('x'));
    injectParameters(book, new Map(), 'cobol');
    expect(book.cells).toHaveLength(1);
  });
});
