import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KernelSpec } from '@gateway-provisioners/core';
import { requestedResources } from './requested-resources.ts';
import type { ResourceBounds } from './requested-resources.ts';

const MIB = 1024 ** 2;

function request(
  env: Readonly<Record<string, string>>,
  { specEnv = {}, ...bounds }: Partial<ResourceBounds> & { readonly specEnv?: Readonly<Record<string, string>> } = {},
): unknown {
  const kernelSpec: KernelSpec = {
    ...{ name: 'p', argv: [], env: specEnv, displayName: 'P', language: 'python', interruptMode: 'signal' },
    ...{ metadata: {}, extra: {}, provisioner: { provisionerName: 'docker-provisioner', config: {} } },
  };
  return requestedResources({ env, kernelSpec }, { gpus: 0, ...bounds });
}

describe('what a request chooses', () => {
  test.each([
    [{}, {}],
    [{ KERNEL_CPUS: ' ', KERNEL_MEMORY: '' }, {}],
    [{ KERNEL_CPUS: '1.5' }, { cpus: 1.5 }],
    [{ KERNEL_CPUS: '500m' }, { cpus: 0.5 }],
    [{ KERNEL_CPUS: '1', KERNEL_CPUS_LIMIT: '2' }, { cpus: 2 }],
    [{ KERNEL_MEMORY: '512Mi' }, { memoryBytes: 512 * MIB }],
    [{ KERNEL_MEMORY: '512m' }, { memoryBytes: 512 * MIB }],
    [{ KERNEL_MEMORY: '2G' }, { memoryBytes: 2_000_000_000 }],
    [{ KERNEL_MEMORY: '2gb' }, { memoryBytes: 2048 * MIB }],
    [{ KERNEL_MEMORY: '1048576' }, { memoryBytes: MIB }],
    [
      { KERNEL_MEMORY: '1Gi', KERNEL_MEMORY_LIMIT: '2Gi' },
      { memoryBytes: 2048 * MIB, memoryReservationBytes: 1024 * MIB },
    ],
    [
      { KERNEL_MEMORY: '3Gi', KERNEL_MEMORY_LIMIT: '2Gi' },
      { memoryBytes: 2048 * MIB, memoryReservationBytes: 2048 * MIB },
    ],
    [{ KERNEL_GPUS: '0' }, { gpus: 0 }],
  ])('%j is %j', (env, expected) => {
    expect(request(env)).toEqual(expected);
  });

  test.each([
    { KERNEL_CPUS: '0' },
    { KERNEL_CPUS: '-1' },
    { KERNEL_CPUS: '1e3' },
    { KERNEL_CPUS: '1,5' },
    { KERNEL_CPUS: 'NaN' },
    { KERNEL_MEMORY: 'lots' },
    { KERNEL_MEMORY: '0' },
    { KERNEL_MEMORY: '1i' },
    { KERNEL_MEMORY: '1 G' },
    { KERNEL_MEMORY_LIMIT: '999999999999999P' },
    { KERNEL_MEMORY_LIMIT: '1g', KERNEL_MEMORY: '$(x)' },
    { KERNEL_GPUS: 'all' },
    { KERNEL_GPUS: '0.5' },
  ])('%j is no amount', (env) => {
    expect(() => request(env)).toThrow(expect.objectContaining({ code: 'INVALID_ENV' }));
  });

  test.each<[Record<string, string>, Partial<ResourceBounds>]>([
    [{ KERNEL_CPUS: '2' }, { cpus: 1 }],
    [
      { KERNEL_CPUS: '1', KERNEL_CPUS_LIMIT: '9' },
      { cpus: 1, max_cpus: 8 },
    ],
    [{ KERNEL_MEMORY: '1Gi' }, { memory: 512 * MIB }],
    [{ KERNEL_MEMORY: '1Gi' }, { max_memory: 512 * MIB }],
    [{ KERNEL_GPUS: '1' }, {}],
    [{ KERNEL_GPUS_LIMIT: '3' }, { gpus: 4, max_gpus: 2 }],
  ])('%j is more than %j allows', (env, bounds) => {
    expect(() => request(env, bounds)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', message: expect.stringMatching(/by max_(cpus|memory|gpus)$/) }),
    );
  });

  test('is as much as is allowed, and what the kernelspec itself says whatever the bounds are', () => {
    expect(request({ KERNEL_CPUS: '8' }, { cpus: 1, max_cpus: 8 })).toEqual({ cpus: 8 });
    expect(request({ KERNEL_MEMORY: '512Mi', KERNEL_GPUS: '2' }, { memory: 512 * MIB, gpus: 2 })).toEqual({
      memoryBytes: 512 * MIB,
      gpus: 2,
    });
    const specEnv = { KERNEL_GPUS: '2' };
    expect(request(specEnv, { specEnv })).toEqual({ gpus: 2 });
    expect(() => request({ KERNEL_GPUS: '3' }, { specEnv })).toThrow(/none is allowed/);
  });

  test('never exceeds a bound, whatever is written', () => {
    const amount = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6}[kKmMgGi]{0,2}$/));
    fc.assert(
      fc.property(amount, amount, (value, limit) => {
        const env = { KERNEL_CPUS: value, KERNEL_MEMORY: value, KERNEL_MEMORY_LIMIT: limit };
        try {
          const {
            cpus = 0,
            memoryBytes = 0,
            memoryReservationBytes = 0,
          } = request(env, {
            max_cpus: 2,
            max_memory: MIB,
          }) as Record<string, number>;
          expect(cpus).toBeLessThanOrEqual(2);
          expect(memoryBytes).toBeLessThanOrEqual(MIB);
          expect(memoryReservationBytes).toBeLessThanOrEqual(memoryBytes);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(INVALID_ENV|FORBIDDEN)$/) });
        }
      }),
    );
  });
});
