import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '@gateway-provisioners/core';
import type { KernelRecord } from './kernel-record.ts';
import { formatRecord, parseRecord } from './record-codec.ts';

// A key `__proto__` is dropped on purpose.
const isPlain = (value: unknown): boolean => !JSON.stringify(value).includes('__proto__');
const json: fc.Arbitrary<JsonValue> = fc.jsonValue().filter(isPlain);
const object: fc.Arbitrary<JsonObject> = fc.dictionary(fc.string(), json).filter(isPlain);
const strings = fc.dictionary(fc.string(), fc.string()).filter(isPlain);
const text = fc.string({ minLength: 1 });
const port = fc.integer({ min: 1, max: 65_535 });

const records: fc.Arbitrary<KernelRecord> = fc.record(
  {
    kernelId: fc.uuid(),
    instanceId: text,
    owner: fc.string(),
    phase: fc.constantFrom('launching' as const, 'connecting' as const, 'running' as const, 'ending' as const),
    incarnation: fc.integer({ min: 1 }),
    createdAt: fc.nat(),
    lastActivity: fc.nat(),
    kernelSpec: fc.record({
      name: text,
      displayName: fc.string(),
      language: fc.string(),
      argv: fc.array(fc.string()),
      env: strings,
      interruptMode: fc.constantFrom('signal' as const, 'message' as const),
      metadata: object,
      provisioner: fc.record({ provisionerName: text, config: object }),
    }),
    launch: fc.record({ env: strings, cwd: text }, { requiredKeys: ['env'] }),
    state: object,
    connection: fc.record({
      transport: fc.constantFrom('tcp' as const, 'ipc' as const),
      ip: text,
      shell_port: port,
      iopub_port: port,
      stdin_port: port,
      control_port: port,
      hb_port: port,
      key: fc.string(),
      signature_scheme: fc.constant('hmac-sha256' as const),
    }),
  },
  {
    requiredKeys: [
      'kernelId',
      'instanceId',
      'owner',
      'phase',
      'incarnation',
      'createdAt',
      'lastActivity',
      'kernelSpec',
      'launch',
    ],
  },
);

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('records as text', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 1 }), (record, version) => {
        const read = parseRecord(formatRecord({ record, version }), record.kernelId);
        expect(asJson(read)).toEqual(asJson({ record, version }));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('are read or refused with an Error, whatever the file holds', () => {
    const change = fc.record({ at: fc.nat(), what: fc.constantFrom('cut', 'flip', 'drop'), with: fc.nat(255) });
    fc.assert(
      fc.property(records, fc.array(change, { minLength: 1, maxLength: 4 }), (record, changes) => {
        let bytes = Buffer.from(formatRecord({ record, version: 1 }));
        for (const { at, what, with: byte } of changes) {
          const index = bytes.length === 0 ? 0 : at % bytes.length;
          if (what === 'cut') bytes = bytes.subarray(0, index);
          else if (what === 'drop') bytes = Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
          else if (bytes.length > 0) bytes[index] = byte;
        }
        try {
          expect(parseRecord(bytes.toString(), record.kernelId).record.kernelId).toBe(record.kernelId);
        } catch (error) {
          expect(error).toHaveProperty('message');
        }
      }),
      { seed: 2, numRuns: 1_000 },
    );
  });

  it.each([
    ['created_at', 1e300],
    ['last_activity', 1e300],
    ['last_activity', -1e300],
    ['created_at', 'yesterday'],
  ])('are refused with a %s that is no time: %j', (key, value) => {
    const record = fc.sample(records, { seed: 4, numRuns: 1 })[0]!;
    const text = formatRecord({ record: { ...record, createdAt: 4_711, lastActivity: 4_711 }, version: 1 });
    const changed = text.replace(`"${key}": 4711`, `"${key}": ${JSON.stringify(value)}`);
    expect(changed).not.toBe(text);
    expect(() => parseRecord(changed, record.kernelId)).toThrow(key);
  });

  it.each([
    ['not JSON', '{', /JSON/],
    ['no entry for the kernel', '{"other":{}}', /no entry for k/],
    [
      'the entry of another kernel',
      '{"k":{"kernel_id":"other","username":"u","kernel_name":"n","connection_info":null}}',
      /kernel_id is other/,
    ],
  ])('are refused with what is wrong: %s', (_what, text, message) => {
    expect(() => parseRecord(text, 'k')).toThrow(message);
  });

  it('of Enterprise Gateway, with as little as it writes, belong to no instance', () => {
    const entry = { kernel_id: 'k', username: 'u', kernel_name: 'n', connection_info: null };
    for (const value of [entry, { ...entry, launch_args: null, process_info: null }, { ...entry, launch_args: {} }]) {
      expect(parseRecord(JSON.stringify({ k: value }), 'k')).toMatchObject({
        record: { instanceId: '', owner: 'u', launch: { env: {} }, kernelSpec: { name: 'n' }, state: undefined },
        version: 1,
      });
    }
  });

  it('are refused when they are any other JSON', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(() => parseRecord(JSON.stringify(value), '00000000-0000-4000-8000-000000000000')).toThrow();
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
