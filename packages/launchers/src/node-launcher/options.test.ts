import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LauncherError } from './launcher-error.ts';
import { LogTail } from './log-tail.ts';
import { parseLauncherV2 } from './launcher-v2.ts';
import { parseOptions } from './options.ts';
import { parsePublicKey } from './answer-v1.ts';

const command = ['--', 'python', '-f', '{connection_file}'];
const given = ['--kernel-id', 'k1', '--response-address', '10.0.0.1:8877', '--public-key', 'x'];

describe('options', () => {
  test('are read', () => {
    const argv = [...given, '--port-range=40000..42000', '--interrupt-mode', 'message', ...command];
    expect(parseOptions(argv, {})).toEqual({
      kernelId: 'k1',
      responseAddress: { host: '10.0.0.1', port: 8877 },
      publicKey: 'x',
      portRange: { low: 40_000, high: 42_000 },
      interruptMode: 'message',
      command: ['python', '-f', '{connection_file}'],
    });
  });

  test("have Enterprise Gateway's names as well, which are weaker, and variables, which are weakest", () => {
    const argv = [
      '--kernel-id',
      'new',
      '--RemoteProcessProxy.kernel-id',
      'old',
      '--RemoteProcessProxy.public-key',
      'k',
    ];
    const env = { RESPONSE_ADDRESS: '[fd00::7]:1', PUBLIC_KEY: 'weak', PORT_RANGE: '' };
    expect(parseOptions([...argv, 'python', '{connection_file}'], env)).toMatchObject({
      kernelId: 'new',
      publicKey: 'k',
      responseAddress: { host: 'fd00::7', port: 1 },
      portRange: undefined,
      interruptMode: 'signal',
      command: ['python', '{connection_file}'],
    });
  });

  test.each([
    [['--response-address', 'h:1', ...command], '--kernel-id is missing'],
    [['--kernel-id', '../x', ...command], '--kernel-id must be'],
    [['--kernel-id', 'k', '--response-address', 'fd00::7:8877', ...command], 'is not host:port'],
    [['--kernel-id', 'k', '--response-address', 'h:0', ...command], 'is not host:port'],
    [[...given, '--port-range', '2000..1000', ...command], 'must hold at least 1000 ports'],
    [[...given, '--port-range', '40000..40100', ...command], 'must hold at least 1000 ports'],
    [[...given, '--port-range', 'many', ...command], 'is not two numbers'],
    [[...given, '--port-range', '1..60000', ...command], 'leaves 1024..65535'],
    [[...given, '--interrupt-mode', 'wink', ...command], 'must be signal or message'],
    [[...given, '--transport-encryption', 'required', ...command], 'cannot be applied'],
    [[...given, '--transport-encryption', 'x', ...command], 'must be disabled, auto or required'],
    [[...given, '--spark-context-initialization-mode', 'lazy', ...command], 'has no Spark'],
    [[...given, '--kernle-id', 'k', ...command], 'unknown option --kernle-id'],
    [[...given, '--port-range'], '--port-range needs a value'],
    [given, 'there is no command'],
    [[...given, '--', 'python'], 'no word of the command holds {connection_file}'],
  ])('are refused: %j', (argv, message) => {
    expect(() => parseOptions(argv, {})).toThrow(LauncherError);
    expect(() => parseOptions(argv, {})).toThrow(message);
  });

  test('the size of a port range may be set', () => {
    const argv = [...given, '--port-range', '40000..40100', ...command];
    expect(parseOptions(argv, { EG_MIN_PORT_RANGE_SIZE: '100' }).portRange).toEqual({ low: 40_000, high: 40_100 });
    expect(() => parseOptions(argv, { GP_MIN_PORT_RANGE_SIZE: 'few' })).toThrow('must be a number of ports');
  });

  test('whatever is given, the result is options or one line', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--', '--kernel-id', '--port-range=1', '{connection_file}', '-f'),
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        try {
          parseOptions(argv, {});
        } catch (error) {
          expect(error).toBeInstanceOf(LauncherError);
        }
      }),
    );
  });
});

test('whatever version 2 is given, the result is parameters or an error that does not quote it', () => {
  const text = fc.oneof(
    fc.string({ minLength: 12 }),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
    fc
      .record({ version: fc.constantFrom(1, 2, '2'), kernel_id: fc.constant('k'), public_key: fc.base64String() })
      .map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
  );
  fc.assert(
    fc.property(text, (value) => {
      try {
        parseLauncherV2(value, 'k');
      } catch (error) {
        expect(error).toBeInstanceOf(LauncherError);
        if (value.length > 20) expect((error as Error).message).not.toContain(value);
      }
    }),
  );
});

test.each(['', 'x', 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'])('a public key that is none: %j', (text) => {
  expect(() => parsePublicKey(text)).toThrow(LauncherError);
});

test('the tail of a log is never longer than asked, and valid UTF-8', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 5000 })), fc.nat(9000), (chunks, maxBytes) => {
      const tail = new LogTail();
      for (const chunk of chunks) tail.add(chunk);
      expect(Buffer.byteLength(tail.read(maxBytes))).toBeLessThanOrEqual(maxBytes);
    }),
  );
  const tail = new LogTail();
  tail.add(Buffer.from('a€'.repeat(4000)));
  expect(tail.read(7)).toBe('€a€');
  expect(tail.read(8)).toBe('a€a€');
});
