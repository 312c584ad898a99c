import { describe, expect, test } from '@jest/globals';
import { parseServerDefinition } from './server-definition.ts';

describe('a server definition', () => {
  test('keeps what it says', () => {
    const definition = { name: 'x', command: ['serve', '--port={port}'], url: 'http://127.0.0.1:{port}/', token: 't' };
    expect(parseServerDefinition(definition, 'x.json')).toEqual({ ...definition, env: undefined });
  });

  test.each([
    [[], 'x.json: expected an object'],
    [{}, 'x.json: "name" must be a non-empty text'],
    [{ name: 'x' }, 'x.json: "command" or "url" is needed'],
    [{ name: 'x', command: 'serve' }, 'x.json: "command" must be a list of texts, the program first'],
    [{ name: 'x', command: [] }, 'x.json: "command" must be a list of texts, the program first'],
    [{ name: 'x', url: 1 }, 'x.json: "url" must be a text'],
    [{ name: 'x', url: 'http://x', token: 1 }, 'x.json: "token" must be a text'],
    [{ name: 'x', url: 'http://x', env: { A: 1 } }, 'x.json: "env" must map names to texts'],
    [{ name: 'x', url: 'http://x', tokn: '' }, 'x.json: unknown key "tokn"; known are name, command, url, token, env'],
  ])('%j is refused', (value, text) => {
    expect(() => parseServerDefinition(value, 'x.json')).toThrow(text);
  });
});
