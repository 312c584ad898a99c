import { describe, expect, it } from '@jest/globals';
import { isProvisionerError } from '@gateway-provisioners/core';
import fc from 'fast-check';
import { readNotebook } from './read-notebook.ts';
import { splitLines, writeNotebook } from './write-notebook.ts';

const code = (source: string | readonly string[], more = {}) => ({
  cell_type: 'code',
  execution_count: null,
  metadata: {},
  outputs: [],
  source,
  ...more,
});
const document = (cells: readonly unknown[], more = {}) =>
  JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5, ...more });

describe('reading and writing a notebook', () => {
  it('gives back what nbformat wrote, byte by byte', () => {
    const text = `${JSON.stringify(
      {
        cells: [
          { cell_type: 'markdown', id: 'a1', metadata: {}, source: ['# Title\n', 'text'] },
          {
            cell_type: 'code',
            execution_count: 3,
            id: 'b2',
            metadata: { tags: ['parameters'], vendor: { z: 1, é: '2' } },
            outputs: [{ name: 'stdout', output_type: 'stream', text: ['1\n', '2'] }],
            source: [],
          },
        ],
        metadata: { kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' } },
        nbformat: 4,
        nbformat_minor: 5,
        unknown: [null, true, { b: 1 }],
      },
      null,
      1,
    )}\n`;
    expect(writeNotebook(readNotebook(text, 'x'))).toBe(text);
  });

  it('leaves out the marks that nbformat leaves out', () => {
    const text = document([code('1', { metadata: { trusted: true, kept: 1 } })], {
      metadata: { signature: 'x', kept: 2 },
    });
    const written = writeNotebook(readNotebook(text, 'x'));
    expect(written).not.toMatch(/trusted|signature/);
    expect(written.match(/kept/g)).toHaveLength(2);
  });

  it('splits texts as Python does, and only those that nbformat splits', () => {
    expect(splitLines('a\nb\r\nc\rd\u2028e\x1cf\n\n')).toEqual([
      'a\n',
      'b\r\n',
      'c\r',
      'd\u2028',
      'e\x1c',
      'f\n',
      '\n',
    ]);
    expect(splitLines('')).toEqual([]);
    const notebook = readNotebook(document([code('x')]), 'x');
    const data = {
      'text/plain': 'a\nb',
      'image/svg+xml': '<svg>\n</svg>',
      'image/png': 'AAAA\n',
      'application/json': 'a\nb',
      'application/vnd.x+json': { a: 'b\nc' },
    };
    notebook.cells[0]!.outputs = [{ output_type: 'display_data', data, metadata: {} }];
    const written = JSON.parse(writeNotebook(notebook)) as { cells: { outputs: { data: unknown }[] }[] };
    expect(written.cells[0]!.outputs[0]!.data).toEqual({
      ...data,
      'text/plain': ['a\n', 'b'],
      'image/svg+xml': ['<svg>\n', '</svg>'],
    });
  });

  it('splits any text without loss', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('\n', '\r', '\r\n', '\u2029', '\x85', ''))),
        (parts) => {
          const lines = splitLines(parts.join(''));
          expect(lines.join('')).toBe(parts.join(''));
          expect(lines).not.toContain('');
        },
      ),
    );
  });

  it('keeps whatever else a file holds', () => {
    const cell = fc.record({
      cell_type: fc.constantFrom('code', 'markdown', 'raw', 'other'),
      source: fc.array(fc.string().map((line) => `${line}\n`)),
      metadata: fc.dictionary(fc.string(), fc.jsonValue()),
      anything: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(cell), fc.dictionary(fc.string(), fc.jsonValue()), (cells, metadata) => {
        const value = JSON.parse(document(cells, { metadata })) as { cells: { source: string[] }[] };
        const again = JSON.parse(writeNotebook(readNotebook(JSON.stringify(value), 'x'))) as typeof value;
        for (const each of [...value.cells, ...again.cells]) each.source = [each.source.join('')];
        for (const name of ['trusted', 'signature', 'orig_nbformat']) expect(JSON.stringify(cells)).not.toContain(name);
        expect(again).toEqual(value);
      }),
    );
  });

  it.each([
    ['', 'JSON'],
    ['[]', 'no JSON object'],
    ['{}', 'nbformat is missing'],
    ['{"nbformat": 3}', 'nbconvert'],
    ['{"nbformat": 4, "cells": {}}', 'cells must be an array'],
    ['{"nbformat": 4, "cells": [7]}', 'cell 1: is not an object'],
    [document([code('a'), { cell_type: 'code', source: [1] }]), 'cell 2: source'],
    [document([code('a', { metadata: 7 })]), 'cell 1: metadata'],
    [document([code('a', { outputs: 7 })]), 'cell 1: outputs'],
  ])('refuses %j', (text, reason) => {
    expect(() => readNotebook(text, 'nb.ipynb')).toThrow(reason);
    expect(() => readNotebook(text, 'nb.ipynb')).toThrow('nb.ipynb is not a notebook');
  });

  it('never fails in another way', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, cell) => {
        for (const text of [JSON.stringify(value), document([cell])]) {
          try {
            writeNotebook(readNotebook(text, 'x'));
          } catch (error) {
            expect(isProvisionerError(error, 'INVALID_ARGUMENT')).toBe(true);
          }
        }
      }),
    );
  });
});
