import { afterEach, describe, expect, it } from '@jest/globals';
import { settle } from '@gateway-provisioners/core/testing';
import { launchFailure, untilAborted } from '../testing/fake-backend.ts';
import { executeRequest, managerBench } from '../testing/manager-bench.ts';
import { TestClient, testSpec } from '../testing/test-manager.ts';

const { setUp, clear } = managerBench();
afterEach(clear);

describe('start', () => {
  it('is ready when the kernel answered and its output flows', async () => {
    const { manager, backend, store } = await setUp();
    const phases: string[] = [];
    const kernel = await manager.start({ owner: 'ada', progress: ({ phase }) => phases.push(phase) });
    expect(kernel.phase).toBe('running');
    expect(kernel.executionState).toBe('idle');
    expect(kernel.info).toMatchObject({ implementation: 'fake' });
    expect(phases).toEqual(['starting', 'connecting', 'ready']);
    expect(backend.last.context).toMatchObject({ kernelId: kernel.id, owner: 'ada', incarnation: 1 });
    expect(backend.last.context.env).toMatchObject({ KERNEL_ID: kernel.id, KERNEL_USERNAME: 'ada' });
    expect((await store.get(kernel.id))?.record).toMatchObject({
      phase: 'running',
      state: { resource: backend.last.id },
      connection: { key: backend.last.id },
    });
    expect(kernel.model()).toEqual({
      id: kernel.id,
      name: 'fake',
      last_activity: '2026-01-01T00:00:00.000000Z',
      execution_state: 'idle',
      connections: 0,
    });
  });

  it('writes the intent before anything is created, and checkpoints while it is', async () => {
    const { manager, backend, store } = await setUp();
    const phases: unknown[] = [];
    const look = async (kernelId: string) => {
      const { record } = (await store.get(kernelId)) ?? {};
      phases.push([record?.phase, record?.state !== undefined]);
    };
    backend.beforeLaunch = (context) => look(context.kernelId);
    backend.afterCheckpoint = (resource) => look(resource.context.kernelId);
    const kernel = await manager.start();
    await look(kernel.id);
    expect(phases).toEqual([
      ['launching', false],
      ['launching', true],
      ['running', true],
    ]);
    await kernel.shutdown();
    expect(await store.get(kernel.id)).toBeUndefined();
  });

  it('asks again until a slow kernel answers, then takes any answer', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
    };
    const starting = manager.start();
    await clock.advance(4_000);
    expect(backend.last.kernel.infoRequests).toBe(4);
    backend.last.kernel.answersInfo = true;
    await clock.advance(4_000);
    const kernel = await starting;
    expect(kernel.executionState).toBe('idle');
  });

  it('waits for output to flow before it is ready', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.publishes = false;
    };
    const starting = manager.start();
    await clock.advance(1_000);
    const [kernel] = manager.list();
    expect(kernel?.phase).toBe('connecting');
    backend.last.kernel.publishes = true;
    await clock.advance(200);
    expect((await starting).phase).toBe('running');
  });

  it('leaves nothing when the provisioner fails, and passes its error on', async () => {
    const { manager, backend, store } = await setUp();
    backend.afterCheckpoint = () => {
      throw launchFailure('Traceback: no such module');
    };
    await expect(manager.start()).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      logTail: 'Traceback: no such module',
    });
    expect(manager.list()).toEqual([]);
    expect(backend.world.size).toBe(0);
    expect((await store.list()).records).toEqual([]);
  });

  it('tells the exit code and the log of a kernel that ends before it answers', async () => {
    const { manager, backend, store } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
      resource.logTail = 'ImportError: ipykernel';
    };
    const starting = manager.start();
    starting.catch(() => undefined);
    await settle();
    backend.last.kernel.onExit(3);
    await expect(starting).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/exited with code 3[^]*ImportError: ipykernel/),
    });
    expect(backend.last.calls).toEqual(['kill', 'dispose']);
    expect(backend.last.kernel.clients).toBe(0);
    expect((await store.list()).records).toEqual([]);
  });

  it('gives up at the deadline with the tail of the log', async () => {
    const { manager, backend, clock, store } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
      resource.logTail = 'waiting for a licence';
    };
    const starting = manager.start({ launchTimeoutMs: 9_000 });
    starting.catch(() => undefined);
    await clock.advance(9_000);
    await expect(starting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT', logTail: 'waiting for a licence' });
    expect(backend.world.size).toBe(0);
    expect((await store.list()).records).toEqual([]);
  });

  it('reads the patience of the client from KERNEL_LAUNCH_TIMEOUT', async () => {
    const { manager, backend, clock } = await setUp();
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    const starting = manager.start({ env: { KERNEL_LAUNCH_TIMEOUT: '2' } });
    starting.catch(() => undefined);
    await clock.advance(2_000);
    await expect(starting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
    for (const bad of ['nan', 'inf', '-1', '0', '1e9']) {
      await expect(manager.start({ env: { KERNEL_LAUNCH_TIMEOUT: bad } })).rejects.toMatchObject({
        code: 'INVALID_ENV',
      });
    }
  });

  it.each([
    ['launch_timeout of the kernelspec', { launch_timeout: 3 }, {}, {}, 3_000],
    ['the same as text, over the kernelspec’s env', { launch_timeout: '3' }, { KERNEL_LAUNCH_TIMEOUT: '7' }, {}, 3_000],
    ['KERNEL_LAUNCH_TIMEOUT of its env', {}, { KERNEL_LAUNCH_TIMEOUT: '7' }, {}, 7_000],
    [
      'the request, over both',
      { launch_timeout: 3 },
      { KERNEL_LAUNCH_TIMEOUT: '7' },
      { KERNEL_LAUNCH_TIMEOUT: '9' },
      9_000,
    ],
  ])('reads the launch timeout from %s', async (...[, config, env, requestEnv, timeoutMs]) => {
    const spec = testSpec({ env, provisioner: { provisionerName: 'fake-provisioner', config } });
    const { manager, backend, clock } = await setUp({ spec });
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    let failure: unknown;
    const starting = manager.start({ env: requestEnv });
    starting.catch((error: unknown) => {
      failure = error;
    });
    await clock.advance(timeoutMs - 1);
    expect(failure).toBeUndefined();
    await clock.advance(1);
    await expect(starting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
  });

  it('gives a restart the time that the kernelspec gives', async () => {
    const provisioner = { provisionerName: 'fake-provisioner', config: { launch_timeout: 3 } };
    const { manager, backend, clock } = await setUp({ spec: testSpec({ provisioner }) });
    const kernel = await manager.start();
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    const restarting = kernel.restart();
    restarting.catch(() => undefined);
    await settle();
    await clock.advance(3_000);
    await expect(restarting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
  });

  it.each(['soon', 0, -1, 'inf', {}])('refuses a kernelspec whose launch_timeout is %j', async (launch_timeout) => {
    const provisioner = { provisionerName: 'fake-provisioner', config: { launch_timeout } };
    const { manager, backend } = await setUp({ spec: testSpec({ provisioner }) });
    await expect(manager.start()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('launch_timeout'),
    });
    expect(backend.world.size).toBe(0);
    expect(manager.list()).toEqual([]);
  });

  it('removes what a provisioner that ignores its signal creates after all', async () => {
    const { manager, backend, store } = await setUp();
    let go: () => void = () => undefined;
    backend.beforeLaunch = () =>
      new Promise<void>((resolve) => {
        go = resolve;
      });
    const controller = new AbortController();
    const starting = manager.start({ signal: controller.signal });
    starting.catch(() => undefined);
    await settle();
    controller.abort();
    await settle();
    go();
    await expect(starting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(backend.last.calls).toEqual(['kill', 'dispose']);
    expect((await store.list()).records).toEqual([]);
    expect(manager.list()).toEqual([]);
  });

  it('keeps the record when the provisioner does not come back', async () => {
    const { manager, backend, clock, store } = await setUp();
    backend.beforeLaunch = () => new Promise<void>(() => undefined);
    const starting = manager.start({ launchTimeoutMs: 1_000 });
    starting.catch(() => undefined);
    await clock.advance(61_000);
    await expect(starting).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
    expect((await store.list()).records.map(({ record }) => record.phase)).toEqual(['ending']);
  });

  it('returns early when asked to, and the rest goes on', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
    };
    const kernel = await manager.start({ until: 'launched' });
    expect(kernel.phase).toBe('connecting');
    expect(kernel.executionState).toBe('starting');
    const ready = kernel.ready();
    backend.last.kernel.answersInfo = true;
    await clock.advance(500);
    await ready;
    expect(kernel.phase).toBe('running');
  });

  it('shows a kernel that never answered after its start returned as dead', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
      resource.logTail = 'stuck';
    };
    const kernel = await manager.start({ until: 'launched', launchTimeoutMs: 5_000 });
    const client = new TestClient(kernel);
    await clock.advance(5_000);
    expect(kernel.model()).toMatchObject({ execution_state: 'dead', reason: expect.stringMatching(/launch/) });
    expect(client.seen.at(-1)).toBe('status:dead');
    await expect(kernel.ready()).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
    expect(backend.world.size).toBe(0);
  });
});

describe('messages before the kernel is ready', () => {
  it('are held in order and delivered then', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
    };
    const kernel = await manager.start({ until: 'launched' });
    const client = new TestClient(kernel);
    const ids = Array.from({ length: 20 }, (_, n) => `m${String(n)}`);
    for (const id of ids) client.client.send(executeRequest('print x', id));
    await clock.advance(100);
    expect(backend.last.kernel.received).toEqual([]);
    backend.last.kernel.answersInfo = true;
    await clock.advance(1_000);
    expect(backend.last.kernel.received.map(({ header }) => header.msg_id)).toEqual(ids);
    expect(client.seen.filter((text) => text === 'execute_reply')).toHaveLength(20);
    expect(client.seen[0]).toBe('status:idle');
  });

  it('are bounded', async () => {
    const { manager, backend, clock } = await setUp({ clientQueueBytes: 10_000 });
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
    };
    const kernel = await manager.start({ until: 'launched' });
    const client = new TestClient(kernel);
    client.client.send(executeRequest('print 1'));
    expect(() => {
      client.client.send(executeRequest('x'.repeat(10_000)));
    }).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    backend.last.kernel.answersInfo = true;
    await clock.advance(1_000);
    expect(backend.last.kernel.received).toHaveLength(1);
  });
});
