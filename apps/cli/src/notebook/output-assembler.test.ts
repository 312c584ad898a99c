import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '@gateway-provisioners/core';
import fc from 'fast-check';
import type { Cell } from './notebook.ts';
import { OutputAssembler } from './output-assembler.ts';

const newCell = (): Cell => ({ cellType: 'code', source: 'x', tags: [], fields: { metadata: {} } });
const stream = (text: string, name = 'stdout') => ({ msgType: 'stream', content: { name, text } });
const display = (text: string, displayId?: string, msgType = 'display_data') => ({
  msgType,
  content: {
    data: { 'text/plain': text },
    metadata: {},
    ...(displayId === undefined ? {} : { transient: { display_id: displayId } }),
  } satisfies JsonObject,
});
const shown = (text: string) => ({ output_type: 'display_data', data: { 'text/plain': text }, metadata: {} });

function assemble(...messages: readonly { readonly msgType: string; readonly content: JsonObject }[]) {
  const cell = newCell();
  const assembler = new OutputAssembler();
  assembler.begin(cell);
  for (const message of messages) assembler.add(cell, message);
  return cell;
}

describe('OutputAssembler', () => {
  it('joins neighbouring texts of one stream', () => {
    expect(assemble(stream('a'), stream('b\n'), stream('c', 'stderr'), stream('d')).outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'ab\n' },
      { output_type: 'stream', name: 'stderr', text: 'c' },
      { output_type: 'stream', name: 'stdout', text: 'd' },
    ]);
  });

  it('takes results, errors and the number of the execution', () => {
    const cell = assemble(
      { msgType: 'execute_input', content: { code: 'x', execution_count: 7 } },
      {
        msgType: 'execute_result',
        content: { data: { 'text/plain': '2' }, metadata: { a: 1 }, execution_count: 7, transient: {} },
      },
      { msgType: 'error', content: { ename: 'E', evalue: 'v', traceback: ['1', '2'], extra: 1 } },
      { msgType: 'status', content: { execution_state: 'idle' } },
      { msgType: 'comm_open', content: { data: {} } },
    );
    expect(cell.executionCount).toBe(7);
    expect(cell.outputs).toEqual([
      { output_type: 'execute_result', data: { 'text/plain': '2' }, metadata: { a: 1 }, execution_count: 7 },
      { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['1', '2'] },
    ]);
  });

  it('clears at once, or when the next output comes', () => {
    const clear = (wait: boolean) => ({ msgType: 'clear_output', content: { wait } });
    expect(assemble(stream('a'), clear(false)).outputs).toEqual([]);
    expect(assemble(stream('a'), clear(true)).outputs).toHaveLength(1);
    expect(assemble(stream('a'), clear(true), stream('b')).outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'b' },
    ]);
    const waits = assemble(
      stream('a'),
      clear(true),
      { msgType: 'status', content: {} },
      display('x', 'd', 'update_display_data'),
    );
    expect(waits.outputs).toHaveLength(1);
  });

  it('does not carry a pending clear over to the next cell', () => {
    const assembler = new OutputAssembler();
    const [first, second] = [newCell(), newCell()];
    assembler.begin(first);
    assembler.add(first, stream('a'));
    assembler.add(first, { msgType: 'clear_output', content: { wait: true } });
    assembler.begin(second);
    assembler.add(second, stream('b'));
    expect([first.outputs?.length, second.outputs?.length]).toEqual([1, 1]);
  });

  it('updates displays wherever they are, in earlier cells too', () => {
    const assembler = new OutputAssembler();
    const [first, second] = [newCell(), newCell()];
    assembler.begin(first);
    for (const message of [display('a', 'one'), display('b', 'two'), display('c', 'one')])
      assembler.add(first, message);
    expect(first.outputs).toEqual([shown('c'), shown('b'), shown('c')]);
    assembler.begin(second);
    assembler.add(second, display('d', 'one', 'update_display_data'));
    assembler.add(second, display('e', 'unknown', 'update_display_data'));
    expect(first.outputs).toEqual([shown('d'), shown('b'), shown('d')]);
    expect(second.outputs).toEqual([]);
  });

  it('forgets displays that were cleared', () => {
    const cell = assemble(
      display('a', 'one'),
      { msgType: 'clear_output', content: {} },
      display('b', 'one', 'update_display_data'),
      display('c'),
    );
    expect(cell.outputs).toEqual([shown('c')]);
  });

  it('does not fall over a sloppy kernel', () => {
    const msgType = fc.constantFrom(
      'stream',
      'display_data',
      'execute_result',
      'error',
      'clear_output',
      'update_display_data',
      'x',
    );
    const content = fc.dictionary(
      fc.constantFrom('name', 'text', 'data', 'metadata', 'transient', 'traceback', 'ename', 'wait', 'execution_count'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(msgType, content)), (messages) => {
        const json: JsonObject[] = messages.map(([, value]) => JSON.parse(JSON.stringify(value)) as JsonObject);
        const cell = assemble(...messages.map(([type], index) => ({ msgType: type, content: json[index] ?? {} })));
        for (const output of cell.outputs ?? []) {
          if (output.output_type === 'stream') expect(typeof output.text).toBe('string');
          else if (output.output_type === 'error') expect(Array.isArray(output.traceback)).toBe(true);
          else expect([typeof output.data, typeof output.metadata]).toEqual(['object', 'object']);
        }
      }),
    );
  });

  it('loses no text of a stream, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('stdout', 'stderr'), fc.string())), (pieces) => {
        const cell = assemble(...pieces.map(([name, text]) => stream(text, name)));
        const texts = (cell.outputs ?? []).map((output) => (output.output_type === 'stream' ? output : undefined));
        for (const name of ['stdout', 'stderr']) {
          const sent = pieces.filter(([each]) => each === name).map(([, text]) => text);
          const kept = texts.filter((output) => output?.name === name).map((output) => output?.text);
          expect(kept.join('')).toBe(sent.join(''));
        }
        for (let index = 1; index < texts.length; index += 1)
          expect(texts[index]?.name).not.toBe(texts[index - 1]?.name);
      }),
    );
  });
});
