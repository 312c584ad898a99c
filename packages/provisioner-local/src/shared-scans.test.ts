import { expect, test } from '@jest/globals';
import type { MarkedProcess, ProcessTable } from '@gateway-provisioners/core';
import { sharedScans } from './shared-scans.ts';

interface ManualTable extends ProcessTable {
  readonly scans: { readonly name: string; finish(found: readonly MarkedProcess[]): void; fail(error: Error): void }[];
}

function manualTable(): ManualTable {
  const scans: ManualTable['scans'] = [];
  return {
    scans,
    lookup: () => Promise.resolve(new Map()),
    groupMembers: () => Promise.resolve([]),
    withVariable: (name) =>
      new Promise((resolve, reject) => {
        scans.push({ name, finish: resolve, fail: reject });
      }),
  };
}

const promisesSettled = () => new Promise((resolve) => setImmediate(resolve));

const one: MarkedProcess = { pid: 2, pgid: 2, startTime: 's', value: 'v' };

test('callers during a scan share the next one, which begins after they asked', async () => {
  const manual = manualTable();
  const table = sharedScans(manual);
  const first = table.withVariable('X');
  const second = table.withVariable('X');
  const third = table.withVariable('X');
  expect(manual.scans).toHaveLength(1);
  manual.scans[0]?.finish([]);
  expect(await first).toEqual([]);
  await promisesSettled();
  expect(manual.scans).toHaveLength(2);
  manual.scans[1]?.finish([one]);
  expect(await Promise.all([second, third])).toEqual([[one], [one]]);
  const later = table.withVariable('X');
  expect(manual.scans).toHaveLength(3);
  manual.scans[2]?.finish([]);
  await later;
});

test('a scan that fails is its callers’ failure alone', async () => {
  const manual = manualTable();
  const table = sharedScans(manual);
  const first = table.withVariable('X');
  const second = table.withVariable('X');
  const other = table.withVariable('Y');
  expect(manual.scans.map(({ name }) => name)).toEqual(['X', 'Y']);
  manual.scans[1]?.finish([]);
  manual.scans[0]?.fail(new Error('no /proc'));
  await expect(first).rejects.toThrow('no /proc');
  await promisesSettled();
  manual.scans[2]?.finish([one]);
  expect(await second).toEqual([one]);
  expect(await other).toEqual([]);
});
