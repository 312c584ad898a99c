import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLocalState, toProvisionerState, tryParseLocalState } from './local-state.ts';
import type { LocalState } from './local-state.ts';

const state = fc.record(
  {
    version: fc.constant(1 as const),
    instanceId: fc.string({ minLength: 1 }),
    kernelId: fc.string({ minLength: 1 }),
    incarnation: fc.integer({ min: 1 }),
    runDir: fc.string().map((text) => `/${text}`),
    connectionFile: fc.string().map((text) => `/${text}`),
    interruptSignal: fc.integer({ min: 1, max: 64 }),
    process: fc.record({ pid: fc.integer({ min: 2 }), startTime: fc.string() }),
  },
  { requiredKeys: ['version', 'instanceId', 'kernelId', 'incarnation', 'runDir', 'connectionFile', 'interruptSignal'] },
);

describe('state of a local kernel', () => {
  test('survives JSON', () => {
    fc.assert(
      fc.property(state, (value: LocalState) => {
        const text = JSON.stringify(toProvisionerState(value));
        expect(tryParseLocalState(text)).toEqual({ ...value });
        expect(parseLocalState(toProvisionerState(value))).toEqual({ ...value });
      }),
    );
  });

  test('anything else is refused, never half read', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(tryParseLocalState(text)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(tryParseLocalState(text)).toBeUndefined();
      }),
    );
    expect(() => parseLocalState({ version: 1, kernelId: 'k' })).toThrow(/instanceId/);
    expect(() => parseLocalState({})).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('a pid that would mean everybody is refused', () => {
    const [value] = fc.sample(state, 1);
    for (const pid of [-1, 0, 1, 1.5]) {
      const text = JSON.stringify({ ...value, process: { pid, startTime: 'x' } });
      expect(tryParseLocalState(text)).toBeUndefined();
    }
  });
});
