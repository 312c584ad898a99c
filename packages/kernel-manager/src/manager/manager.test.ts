import { afterEach, describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import { settle } from '@gateway-provisioners/core/testing';
import { untilAborted } from '../testing/fake-backend.ts';
import { managerBench } from '../testing/manager-bench.ts';
import { TestClient, testSpec } from '../testing/test-manager.ts';
import { createKernelManager } from '../create-kernel-manager.ts';

const ID = '11111111-2222-4333-8444-555555555555';

const { setUp, clear } = managerBench();
afterEach(clear);

describe('start', () => {
  it('never exceeds the limit, however fast one asks', async () => {
    const { manager, backend } = await setUp({ limits: { maxKernels: 5 } });
    const results = await Promise.allSettled(Array.from({ length: 30 }, () => manager.start()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(backend.launches).toBe(5);
    await expect(manager.start()).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(
        'A max kernels limit has been set to 5 and there are currently 5 active and pending kernels.',
      ),
      coordinates: { limit: 'max_kernels' },
    });
    await manager.list()[0]?.shutdown();
    await manager.start();
  });

  it('has a limit per owner; dead kernels and failed starts do not count', async () => {
    const { manager, backend } = await setUp({ limits: { maxKernelsPerOwner: 1 }, autoRestart: { limit: 0 } });
    const first = await manager.start({ owner: 'ada' });
    await expect(manager.start({ owner: 'ada' })).rejects.toMatchObject({
      coordinates: { limit: 'max_kernels_per_user' },
    });
    await manager.start({ owner: 'bob' });
    const dead = backend.created[0];
    dead?.exit({ reason: 'oom', logTail: '' });
    await settle();
    expect(first.executionState).toBe('dead');
    backend.beforeLaunch = () => {
      throw new Error('no');
    };
    await expect(manager.start({ owner: 'ada' })).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    backend.beforeLaunch = () => undefined;
    await manager.start({ owner: 'ada' });
    await expect(first.restart()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(setUp({ limits: { maxKernelsPerOwner: 0 } }).then((own) => own.manager.start())).rejects.toMatchObject(
      {
        code: 'LIMIT_EXCEEDED',
      },
    );
  });

  it('takes an id from the caller, once', async () => {
    const { manager, store } = await setUp();
    const starting = manager.start({ kernelId: ID });
    await expect(manager.start({ env: { KERNEL_ID: ID } })).rejects.toMatchObject({ code: 'KERNEL_ID_IN_USE' });
    const kernel = await starting;
    expect(kernel.id).toBe(ID);
    await expect(manager.start({ kernelId: ID })).rejects.toMatchObject({ code: 'KERNEL_ID_IN_USE' });
    const record = (await store.get(ID))?.record;
    await kernel.shutdown();
    // A record of a kernel that was not attached to yet.
    if (record !== undefined) await store.put(record, { version: 0 });
    await expect(manager.start({ kernelId: ID })).rejects.toMatchObject({ code: 'KERNEL_ID_IN_USE' });
    expect((await store.get(ID))?.record).toEqual(record);
    for (const kernelId of ['x', ID.toUpperCase().replace('1', 'A'), `${ID}\n`, '../../etc/passwd']) {
      await expect(manager.start({ kernelId })).rejects.toMatchObject({ code: 'INVALID_KERNEL_ID' });
    }
  });

  it('refuses bad input and changes nothing', async () => {
    const { manager, backend, store } = await setUp();
    const cases = [
      [{ name: 'pyhton' }, 'KERNELSPEC_NOT_FOUND'],
      [{ env: { 'A B': '1' } }, 'INVALID_ENV'],
      [{ env: { A: 'x'.repeat(5_000) } }, 'INVALID_ENV'],
      [{ cwd: 'relative' }, 'INVALID_ARGUMENT'],
      [{ launchTimeoutMs: Number.NaN }, 'INVALID_ARGUMENT'],
      [{ signal: AbortSignal.abort() }, 'CANCELLED'],
    ] as const;
    for (const [options, code] of cases) await expect(manager.start(options)).rejects.toMatchObject({ code });
    expect(manager.list()).toEqual([]);
    expect(backend.launches).toBe(0);
    expect((await store.list()).records).toEqual([]);
  });

  it('keeps the variables of requests apart, and those of the host to itself', async () => {
    const { manager, backend } = await setUp({
      env: { PATH: '/bin', SECRET: 's', EXTRA: 'e' },
      inheritedEnv: ['EXTRA'],
      allowedRequestEnv: ['MY_VAR'],
      spec: testSpec({ env: { FROM_SPEC: '${KERNEL_USERNAME}' } }),
    });
    await Promise.all(
      ['a', 'b', 'c'].map((owner) => manager.start({ owner, env: { KERNEL_X: owner, MY_VAR: owner, OTHER: owner } })),
    );
    await manager.start({ owner: 'd' });
    for (const { context } of backend.created) {
      const { owner } = context;
      expect(context.env).toEqual({
        PATH: '/bin',
        EXTRA: 'e',
        FROM_SPEC: owner,
        ...(owner === 'd' ? {} : { KERNEL_X: owner, MY_VAR: owner }),
        KERNEL_ID: context.kernelId,
        KERNEL_USERNAME: owner,
        KERNEL_LANGUAGE: 'fake',
        KERNEL_GATEWAY: '1',
      });
    }
  });

  it('is not held up by a launch that hangs', async () => {
    const { manager, backend } = await setUp();
    backend.beforeLaunch = (context, options) => (context.owner === 'stuck' ? untilAborted(options) : undefined);
    const stuck = manager.start({ owner: 'stuck' });
    stuck.catch(() => undefined);
    const kernel = await manager.start();
    expect(manager.list().map(({ executionState }) => executionState)).toEqual(['starting', 'idle']);
    expect(manager.list()[1]).toBe(kernel);
  });

  it('refuses unencrypted kernels where encryption is required', async () => {
    const { manager } = await setUp({ transportEncryption: 'required' });
    await expect(manager.start()).rejects.toMatchObject({ code: 'ENCRYPTION_UNAVAILABLE' });
    const own = await setUp({
      transportEncryption: 'required',
      spec: testSpec({ metadata: { supported_encryption: ['Curve'] } }),
    });
    await own.manager.start();
    expect(own.backend.last.context.transportEncryption).toBe('required');
  });
});

describe('events', () => {
  it('tell changes and removals', async () => {
    const { manager } = await setUp();
    const seen: string[] = [];
    const cancel = manager.subscribe('changed', (kernel) => {
      seen.push(`${kernel.executionState} ${String(kernel.connections)}`);
    });
    manager.subscribe('removed', (kernel) => {
      seen.push(`removed ${kernel.executionState}`);
    });
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    client.client.send(
      createMessage({ channel: 'shell', msgType: 'execute_request', content: { code: 'print x' }, session: 's' }),
    );
    client.client.close();
    await kernel.shutdown();
    cancel();
    await manager.start();
    expect(seen).toEqual([
      'starting 0',
      'idle 0',
      'idle 1',
      'busy 1',
      'idle 1',
      'idle 0',
      'terminating 0',
      'dead 0',
      'removed dead',
    ]);
  });
});

describe('culling', () => {
  const culling = { idleTimeoutMs: 60_000, intervalMs: 10_000 };

  it('shuts down what is idle for longer than the timeout, at an interval', async () => {
    const { manager, clock } = await setUp({ culling });
    await manager.start();
    await clock.advance(30_000);
    const second = await manager.start();
    await clock.advance(35_000);
    expect(manager.list()).toHaveLength(2);
    await clock.advance(5_000);
    expect(manager.list()).toEqual([second]);
    await clock.advance(30_000);
    expect(manager.list()).toEqual([]);
  });

  it('spares busy and connected kernels, unless told otherwise', async () => {
    const { manager, clock } = await setUp({ culling });
    const busy = await manager.start();
    const connected = await manager.start();
    void busy.execute('hang');
    const client = new TestClient(connected);
    await clock.advance(200_000);
    expect(manager.list()).toEqual([busy, connected]);
    client.client.close();
    await clock.advance(10_000);
    expect(manager.list()).toEqual([busy]);
    const strict = await setUp({ culling: { ...culling, busy: true, connected: true } });
    const both = await strict.manager.start();
    const other = new TestClient(both);
    void both.execute('hang');
    await strict.clock.advance(80_000);
    expect(strict.manager.list()).toEqual([]);
    expect(other.ends).toEqual(['kernel-ended']);
  });

  it('removes dead kernels, and leaves starting ones to their deadline', async () => {
    const { manager, backend, clock } = await setUp({ culling, autoRestart: { limit: 0 } });
    await manager.start();
    backend.last.exit({ reason: 'oom', logTail: '' });
    await settle();
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    const starting = manager.start({ launchTimeoutMs: 100_000 });
    starting.catch(() => undefined);
    await clock.advance(90_000);
    expect(manager.list().map(({ phase }) => phase)).toEqual(['launching']);
    await clock.advance(10_000);
    await expect(starting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
  });

  it('is off by default', async () => {
    const { manager, clock } = await setUp();
    await manager.start();
    await clock.advance(1e9);
    expect(manager.list()).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('resources of an idle kernel', () => {
  it('control and stdin are let go of some seconds after the last client left', async () => {
    const { manager, backend, clock } = await setUp();
    const kernel = await manager.start();
    const a = new TestClient(kernel, { sessionId: 'a' });
    const b = new TestClient(kernel);
    a.client.close();
    await clock.advance(60_000);
    expect(backend.channels[0]?.relaxed).toBe(0);
    b.client.close();
    await clock.advance(9_000);
    expect(backend.channels[0]?.relaxed).toBe(0);
    await clock.advance(1_000);
    expect(backend.channels[0]?.relaxed).toBe(1);
  });
});

describe('many starts and ends', () => {
  it('leave nothing: no timer, record, resource, channel or entry', async () => {
    const { manager, backend, store, clock } = await setUp();
    for (let cycle = 0; cycle < 200; cycle += 1) {
      const kernel = await manager.start();
      const client = new TestClient(kernel, { sessionId: 's' });
      await kernel.execute('print x').reply;
      if (cycle % 5 === 0) await kernel.restart();
      if (cycle % 7 === 0) client.client.close();
      await kernel.shutdown();
    }
    expect(clock.pending).toBe(0);
    expect((await store.list()).records).toEqual([]);
    expect(backend.world.size).toBe(0);
    expect(manager.list()).toEqual([]);
    expect(backend.channels.every(({ state }) => state.current === 'closed')).toBe(true);
    expect(backend.created.every(({ kernel, calls }) => kernel.clients === 0 && calls.at(-1) === 'dispose')).toBe(true);
  });
});

describe('close', () => {
  it('ends kernels, or keeps them', async () => {
    const ended = await setUp();
    const kernel = await ended.manager.start();
    const client = new TestClient(kernel);
    await ended.manager.close({ kernels: 'end' });
    expect(ended.backend.world.size).toBe(0);
    expect(client.ends).toEqual(['kernel-ended']);
    await expect(ended.manager.start()).rejects.toMatchObject({ code: 'INVALID_STATE' });

    const kept = await setUp();
    const other = new TestClient(await kept.manager.start());
    kept.backend.beforeLaunch = (_context, options) => untilAborted(options);
    const starting = kept.manager.start();
    starting.catch(() => undefined);
    await settle();
    await kept.manager.close({ kernels: 'keep' });
    await expect(starting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(kept.backend.world.size).toBe(1);
    expect(kept.backend.last.calls).toEqual(['dispose']);
    expect(kept.backend.last.kernel.clients).toBe(0);
    expect(other.ends).toEqual(['closed']);
    expect((await kept.store.list()).records.map(({ record }) => record.phase)).toEqual(['running']);
    expect(kept.clock.pending).toBe(0);
    kept.backend.world.clear();
  });
});

describe('createKernelManager', () => {
  it('refuses settings that make no sense', async () => {
    const registry = { provisionerFor: () => Promise.reject(new Error('none')) };
    const kernelspecs = {
      find: () => Promise.resolve(testSpec()),
      list: () => Promise.resolve({ specs: [] }),
      defaultName: () => Promise.resolve('fake'),
    };
    for (const bad of [{ launchTimeoutMs: 0 }, { limits: { maxKernels: -1 } }, { shutdownWaitMs: Number.NaN }]) {
      await expect(createKernelManager({ registry, kernelspecs, ...bad })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    await using manager = await createKernelManager({ registry, kernelspecs, instanceId: 'mine' });
    expect(manager.instanceId).toBe('mine');
    await expect(manager.start()).rejects.toThrow('none');
  });
});
