import { describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { systemClock } from './clock.ts';
import { canonicalJson } from './canonical-json.ts';
import { defineProvisioner } from './define-provisioner.ts';
import { errorCatalogue } from './error-codes.ts';
import {
  ConfigError,
  KernelFailureError,
  ProvisionerError,
  errorMessage,
  findErrorCause,
  isProvisionerError,
  toProvisionerError,
} from './errors.ts';
import { silentLogger } from './logger.ts';
import { noRendezvous } from './no-rendezvous.ts';
import { observed } from './observed.ts';
import { PROVISIONER_BRAND } from './provisioner.ts';
import type { KernelProvisioner, ProvisionerServices } from './provisioner.ts';
import { ResourceStack } from './resource-stack.ts';
import { systemErrorCode } from './system-error.ts';

describe('ProvisionerError', () => {
  it('takes kind and retryable from the catalogue, and prints coordinates', () => {
    const cause = new Error('inner');
    const error = new ProvisionerError('LIMIT_EXCEEDED', 'too many', {
      cause,
      coordinates: { limit: 3, who: undefined },
    });
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', kind: 'limit', retryable: true, cause });
    expect(error.message).toBe('too many [limit=3]');
  });

  it('lets third parties say their own kind', () => {
    expect(new ProvisionerError('X_NOMAD', 'm')).toMatchObject({ kind: 'failed', retryable: false });
    expect(new ProvisionerError('X_NOMAD', 'm', { kind: 'timeout', retryable: true })).toMatchObject({
      kind: 'timeout',
      retryable: true,
    });
  });

  it('is known by its brand, over copies of the package', () => {
    const foreign = { [Symbol.for('gateway-provisioners.error.v1')]: true, code: 'CANCELLED' };
    expect(isProvisionerError(foreign)).toBe(true);
    expect(isProvisionerError(foreign, 'CANCELLED')).toBe(true);
    expect(isProvisionerError(foreign, 'INTERNAL')).toBe(false);
    for (const other of [null, undefined, 'x', new Error('x'), { code: 'CANCELLED' }]) {
      expect(isProvisionerError(other)).toBe(false);
    }
  });

  it('is found in a chain of causes, even one that bites its tail', () => {
    const inner = new ProvisionerError('CANCELLED', 'm');
    const outer = new Error('outer', { cause: new Error('middle', { cause: inner }) });
    expect(findErrorCause(outer, 'CANCELLED')).toBe(inner);
    expect(findErrorCause(outer, 'INTERNAL')).toBeUndefined();
    const loop = new Error('loop');
    loop.cause = loop;
    expect(findErrorCause(loop, 'INTERNAL')).toBeUndefined();
  });

  it('wraps anything else as INTERNAL and keeps the cause', () => {
    const known = new ProvisionerError('CANCELLED', 'm');
    expect(toProvisionerError(known)).toBe(known);
    expect(toProvisionerError('text')).toMatchObject({ code: 'INTERNAL', cause: 'text' });
    expect(errorMessage(new Error('m'))).toBe('m');
  });
});

describe('KernelFailureError', () => {
  it("ends its message with the log's tail", () => {
    const exit = { reason: 'exited', exitCode: 1, logTail: 'last words\n' } as const;
    const error = new KernelFailureError('LAUNCH_FAILED', 'ended', { exit, coordinates: { kernel: 'k' } });
    expect(error).toMatchObject({ exit, logTail: 'last words', kind: 'failed' });
    expect(error.message).toContain("\nLast lines of the kernel's log:\nlast words");
    expect(new KernelFailureError('KERNEL_DIED', 'ended').message).toBe('ended');
  });
});

describe('ConfigError', () => {
  it('lists every problem', () => {
    const error = new ConfigError('settings', [
      { key: 'a', message: 'is wrong', source: 'EG_A', value: '1' },
      { key: 'b', message: 'is secret' },
    ]);
    expect(error.message).toBe('settings:\n  a: is wrong (got 1) [from EG_A]\n  b: is secret');
    expect(error.code).toBe('INVALID_CONFIG');
  });
});

describe('systemErrorCode', () => {
  it('reads the code of system errors only', async () => {
    const error: unknown = await readFile('/no/such/file').catch((reason: unknown) => reason);
    expect(systemErrorCode(error)).toBe('ENOENT');
    expect([new Error('x'), null, 'ENOENT', { code: 1 }].map(systemErrorCode)).toEqual(Array(4).fill(undefined));
  });
});

describe('docs/reference/errors.md', () => {
  it('has exactly the codes of the catalogue, with kind and retryable', async () => {
    const page = await readFile(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\| ([a-z-]+) +\| (yes|no) +\| (.+?) +\| (.+?) +\|$/gm)];
    const documented = rows.map(([, code, kind, retryable]) => [code, kind, retryable]);
    const catalogued = Object.entries(errorCatalogue).map(([code, { kind, retryable }]) => [
      code,
      kind,
      retryable ? 'yes' : 'no',
    ]);
    expect(documented.sort()).toEqual(catalogued.sort());
    expect(page.match(/^\| `/gm)).toHaveLength(rows.length);
  });
});

describe('observed', () => {
  it('tells later values to whoever subscribed, and nobody else', () => {
    const source = observed(1);
    const seen: number[] = [];
    const listener = (value: number) => void seen.push(value);
    const cancelFirst = source.subscribe(listener);
    const cancelSecond = source.subscribe(listener);
    source.set(2);
    expect([source.current, seen]).toEqual([2, [2, 2]]);
    cancelFirst();
    cancelFirst();
    source.set(3);
    cancelSecond();
    source.set(4);
    expect(seen).toEqual([2, 2, 3]);
  });

  it('bears listeners that unsubscribe while they are told', () => {
    const source = observed(0);
    const seen: string[] = [];
    const cancel = source.subscribe(() => {
      seen.push('first');
      cancel();
    });
    source.subscribe(() => void seen.push('second'));
    source.set(1);
    source.set(2);
    expect(seen).toEqual(['first', 'second', 'second']);
  });
});

describe('ResourceStack', () => {
  const recorder = () => {
    const order: string[] = [];
    return { order, release: (name: string) => () => void order.push(name) };
  };

  it('releases in reverse order, once', async () => {
    const { order, release } = recorder();
    const stack = new ResourceStack();
    stack.defer(release('deferred'));
    stack.use({ [Symbol.dispose]: release('sync') });
    stack.use({
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve();
        order.push('async');
      },
    });
    await Promise.all([stack[Symbol.asyncDispose](), stack[Symbol.asyncDispose]()]);
    expect(order).toEqual(['async', 'sync', 'deferred']);
  });

  it('hands everything over', async () => {
    const { order, release } = recorder();
    const stack = new ResourceStack();
    stack.defer(release('one'));
    const moved = stack.move();
    await stack[Symbol.asyncDispose]();
    expect(order).toEqual([]);
    await moved[Symbol.asyncDispose]();
    expect(order).toEqual(['one']);
  });

  it('releases all even when some fail, and reports it', async () => {
    const { order, release } = recorder();
    const fail = (message: string) => () => Promise.reject(new Error(message));
    const stack = new ResourceStack();
    stack.defer(release('last'));
    stack.defer(fail('one'));
    await expect(stack[Symbol.asyncDispose]()).rejects.toThrow('one');
    expect(order).toEqual(['last']);
    const several = new ResourceStack();
    several.defer(fail('one'));
    several.defer(fail('two'));
    await expect(several[Symbol.asyncDispose]()).rejects.toMatchObject({
      errors: [{ message: 'two' }, { message: 'one' }],
    });
  });
});

describe('defineProvisioner', () => {
  const services: ProvisionerServices = {
    instanceId: 'test',
    logger: silentLogger,
    clock: systemClock,
    runtimeDir: '/nowhere',
    env: {},
    rendezvous: noRendezvous,
  };
  const create = jest.fn<(services: ProvisionerServices, config: { size: number }) => Promise<KernelProvisioner>>();
  const definition = defineProvisioner({
    name: 'test-provisioner',
    apiVersion: 1,
    configSchema: z.object({ size: z.coerce.number() }),
    create,
  });

  it('brands, and creates with parsed settings', async () => {
    create.mockRejectedValueOnce(new Error('reached'));
    expect(definition[PROVISIONER_BRAND]).toBe(true);
    await expect(definition.createChecked(services, { size: '3' })).rejects.toThrow('reached');
    expect(create).toHaveBeenLastCalledWith(services, { size: 3 });
  });

  it('reports every wrong setting with its path', async () => {
    const issues = [{ message: 'm1', path: ['a', { key: 'b' }, 0] }, { message: 'm2' }];
    const configSchema: StandardSchemaV1<unknown, { size: number }> = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.resolve({ issues }) },
    };
    const failing = defineProvisioner({ name: 'f', apiVersion: 1, configSchema, create });
    await expect(failing.createChecked(services, {})).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      problems: [
        { key: 'a.b.0', message: 'm1' },
        { key: '(all)', message: 'm2' },
      ],
    });
  });

  it.each(['', 'Upper', '-x', 'a b', 'a/b', 'ä'])('refuses the name %j', (name) => {
    expect(() => defineProvisioner({ name, apiVersion: 1, configSchema: z.unknown(), create })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('canonicalJson', () => {
  it('ignores the order of keys at every depth, not that of lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: undefined })).toBe(canonicalJson({ b: [{ c: 2, d: 1 }] }));
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });
});

describe('systemClock', () => {
  it('calls back once, and not after it was cancelled', async () => {
    const cancelled = jest.fn();
    systemClock.schedule(0, cancelled)();
    await new Promise<void>((resolve) => systemClock.schedule(-5, resolve));
    expect(cancelled).not.toHaveBeenCalled();
  });
});
