import { afterEach, describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import { settle } from '@gateway-provisioners/core/testing';
import { launchFailure, untilAborted } from '../testing/fake-backend.ts';
import { executeRequest, managerBench } from '../testing/manager-bench.ts';
import { TestClient, testSpec } from '../testing/test-manager.ts';

const { setUp, clear } = managerBench();
afterEach(clear);

describe('interrupt', () => {
  it('uses the backend for kernels that take signals', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    await kernel.interrupt();
    expect(backend.last.calls).toEqual(['interrupt']);
  });

  it('sends a message, and never a signal, to kernels that take messages', async () => {
    const { manager, backend, clock } = await setUp({ spec: testSpec({ interruptMode: 'message' }) });
    const kernel = await manager.start();
    await kernel.interrupt();
    expect(backend.last.kernel.received.map(({ header, channel }) => [channel, header.msg_type])).toEqual([
      ['control', 'interrupt_request'],
    ]);
    backend.last.kernel.handle = () => undefined;
    const silent = kernel.interrupt();
    await clock.advance(2_000);
    await silent;
    expect(backend.last.calls).toEqual([]);
  });

  it('is refused while there is nothing to interrupt', async () => {
    const { manager, backend, clock } = await setUp();
    backend.onCreated = (resource) => {
      resource.kernel.answersInfo = false;
    };
    const kernel = await manager.start({ until: 'launched' });
    await expect(kernel.interrupt()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await clock.advance(0);
  });
});

describe('shutdown', () => {
  it('asks, and cleans up after a kernel that obeys', async () => {
    const { manager, backend, store } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    await kernel.shutdown();
    expect(backend.last.kernel.received.map(({ header }) => header.msg_type)).toEqual(['shutdown_request']);
    expect(backend.last.kernel.received[0]?.parseContent()).toEqual({ restart: false });
    expect(backend.last.calls).toEqual(['kill', 'dispose']);
    expect(client.ends).toEqual(['kernel-ended']);
    expect(manager.get(kernel.id)).toBeUndefined();
    expect((await store.list()).records).toEqual([]);
    await kernel.shutdown();
  });

  it('terminates after half of the wait and kills after the other half', async () => {
    const { manager, backend, clock } = await setUp({ shutdownWaitMs: 6_000 });
    const kernel = await manager.start();
    backend.last.kernel.obeysShutdown = false;
    backend.last.obeysTerminate = false;
    const ending = kernel.shutdown();
    await clock.advance(2_999);
    expect(backend.last.calls).toEqual([]);
    expect(kernel.executionState).toBe('terminating');
    await clock.advance(1);
    expect(backend.last.calls).toEqual(['terminate']);
    await clock.advance(2_999);
    expect(backend.last.calls).toEqual(['terminate']);
    await clock.advance(1);
    await ending;
    expect(backend.last.calls).toEqual(['terminate', 'kill', 'dispose']);
  });

  it('interrupts a busy kernel first', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    client.client.send(executeRequest('hang'));
    expect(kernel.executionState).toBe('busy');
    await kernel.shutdown();
    expect(backend.last.calls).toEqual(['interrupt', 'kill', 'dispose']);
  });

  it('kills at once when told so, also during a graceful shutdown', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    backend.last.kernel.obeysShutdown = false;
    const graceful = kernel.shutdown();
    await settle();
    await kernel.shutdown({ now: true });
    await graceful;
    expect(backend.last.calls).toEqual(['kill', 'kill', 'dispose']);
    const second = await manager.start();
    await second.shutdown({ now: true });
    expect(backend.last.kernel.received).toEqual([]);
  });

  it('keeps kernel and record when the resources cannot be removed, and can be tried again', async () => {
    const { manager, backend, store } = await setUp();
    const kernel = await manager.start();
    backend.last.killError = new Error('backend away');
    await expect(kernel.shutdown()).rejects.toThrow('backend away');
    expect((await store.get(kernel.id))?.record.phase).toBe('ending');
    expect(manager.get(kernel.id)).toBe(kernel);
    expect(kernel.model().reason).toMatch(/could not be removed: backend away/);
    backend.last.killError = undefined;
    await kernel.shutdown();
    expect(manager.get(kernel.id)).toBeUndefined();
    expect((await store.list()).records).toEqual([]);
  });

  it('ends a launch that is under way', async () => {
    const { manager, backend, store } = await setUp();
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    const starting = manager.start();
    starting.catch(() => undefined);
    await settle();
    const [kernel] = manager.list();
    await kernel?.shutdown();
    await expect(starting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(manager.list()).toEqual([]);
    expect((await store.list()).records).toEqual([]);
  });
});

describe('restart', () => {
  it('keeps the id and the clients, ends the old one first, and drops its late messages', async () => {
    const { manager, backend, store } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    const old = backend.last;
    await kernel.restart();
    expect(kernel.incarnation).toBe(2);
    expect(old.kernel.received[0]?.parseContent()).toEqual({ restart: true });
    expect(old.calls).toEqual(['kill', 'dispose']);
    expect(backend.last.context).toMatchObject({ kernelId: kernel.id, incarnation: 2, env: old.context.env });
    expect((await store.get(kernel.id))?.record).toMatchObject({ incarnation: 2, phase: 'running' });
    expect(client.seen).toEqual(['status:starting', 'status:idle']);
    const late = createMessage({
      channel: 'iopub',
      msgType: 'stream',
      content: { name: 'stdout', text: 'late' },
      session: 'x',
    });
    backend.channels[0]?.receive([late]);
    client.client.send(executeRequest('print new'));
    expect(client.seen).not.toContain('stream:late');
    expect(client.seen).toContain('stream:new');
    expect(client.ends).toEqual([]);
  });

  it('is joined by calls that come meanwhile', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    await Promise.all([kernel.restart(), kernel.restart(), kernel.restart()]);
    expect(backend.launches).toBe(2);
    expect(kernel.incarnation).toBe(2);
  });

  it('holds what clients send meanwhile', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    const restarting = kernel.restart();
    client.client.send(executeRequest('print a', 'a'));
    client.client.send(executeRequest('print b', 'b'));
    await restarting;
    expect(backend.last.kernel.received.map(({ header }) => header.msg_id)).toEqual(['a', 'b']);
    expect(client.seen.slice(0, 2)).toEqual(['status:starting', 'status:idle']);
  });

  it('loses to a shutdown', async () => {
    const { manager, backend, store } = await setUp();
    const kernel = await manager.start();
    backend.beforeLaunch = (_context, options) => untilAborted(options);
    const restarting = kernel.restart();
    restarting.catch(() => undefined);
    await settle();
    await kernel.shutdown();
    await expect(restarting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(manager.list()).toEqual([]);
    expect(backend.world.size).toBe(0);
    expect((await store.list()).records).toEqual([]);
    await expect(kernel.restart()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('leaves a dead kernel with the reason when the new one does not start, which can be restarted again', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    backend.beforeLaunch = () => {
      throw launchFailure('quota');
    };
    await expect(kernel.restart()).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    expect(kernel.model()).toMatchObject({ execution_state: 'dead', reason: 'no place for it' });
    expect(client.seen.at(-1)).toBe('status:dead');
    expect(client.seen.at(-2)).toMatch(/no place for it[^]*quota/);
    backend.beforeLaunch = () => undefined;
    await kernel.restart();
    expect(kernel.model()).toMatchObject({ execution_state: 'idle' });
    expect(kernel.model().reason).toBeUndefined();
    expect(kernel.incarnation).toBe(3);
  });
});

describe('a kernel that dies by itself', () => {
  it('is started again, and clients see it', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    client.client.send(executeRequest('exit 1'));
    await settle();
    expect(kernel.incarnation).toBe(2);
    expect(kernel.executionState).toBe('idle');
    expect(kernel.exit).toMatchObject({ reason: 'exited', exitCode: 1 });
    expect(client.seen.slice(-2)).toEqual(['status:restarting', 'status:idle']);
    expect(backend.created[0]?.calls).toEqual(['kill', 'dispose']);
    expect(backend.world.size).toBe(1);
  });

  it('is dead after five times in a row, and says why', async () => {
    const { manager, backend, store } = await setUp();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    for (let death = 0; death < 6; death += 1) {
      backend.last.logTail = 'Segmentation fault';
      backend.last.kernel.onExit(139);
      await settle();
    }
    expect(backend.launches).toBe(6);
    expect(kernel.phase).toBe('ended');
    expect(manager.get(kernel.id)).toBe(kernel);
    expect(kernel.model()).toMatchObject({
      execution_state: 'dead',
      reason: expect.stringContaining('exited with code 139'),
    });
    expect(client.seen.filter((text) => text === 'status:restarting')).toHaveLength(5);
    expect(client.seen.slice(-2)).toEqual([expect.stringMatching(/code 139[^]*Segmentation fault/), 'status:dead']);
    expect(client.ends).toEqual([]);
    expect(await kernel.logs()).toBe('Segmentation fault');
    expect(backend.world.size).toBe(0);
    expect((await store.list()).records).toEqual([]);
    expect(() => {
      client.client.send(executeRequest('print'));
    }).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    const late = new TestClient(kernel);
    await settle();
    expect(late.seen.at(-1)).toBe('status:dead');
    await kernel.shutdown();
    expect(manager.list()).toEqual([]);
  });

  it('is measured while it runs, where its backend can tell', async () => {
    const { manager, backend } = await setUp();
    const kernel = await manager.start();
    expect(await kernel.stats()).toBeUndefined();
    const stats = { memoryBytes: 1, memoryLimitBytes: 2, cpuMs: 3, threads: 4 };
    backend.last.stats = stats;
    expect(await kernel.stats()).toEqual(stats);
    await kernel.shutdown({ now: true });
    expect(await kernel.stats()).toBeUndefined();
  });

  it('has its count anew after ten stable seconds', async () => {
    const { manager, backend, clock } = await setUp();
    const kernel = await manager.start();
    for (let death = 0; death < 12; death += 1) {
      await clock.advance(10_000);
      backend.last.kernel.onExit(1);
      await settle();
    }
    expect(kernel.executionState).toBe('idle');
    expect(kernel.incarnation).toBe(13);
  });

  it('counts restarts that fail', async () => {
    const { manager, backend } = await setUp({ autoRestart: { limit: 3 } });
    const kernel = await manager.start();
    backend.beforeLaunch = () => {
      throw launchFailure('');
    };
    backend.last.kernel.onExit(1);
    await settle();
    await settle();
    expect(backend.launches).toBe(4);
    expect(kernel.executionState).toBe('dead');
  });

  it('stays dead when it is not to be restarted', async () => {
    const { manager, backend } = await setUp({ autoRestart: { limit: 0 } });
    const kernel = await manager.start();
    backend.last.exit({ reason: 'oom', logTail: '' });
    await settle();
    expect(backend.launches).toBe(1);
    expect(kernel.model()).toMatchObject({ execution_state: 'dead', reason: expect.stringContaining('memory') });
  });

  it('fails the execution that it was at', async () => {
    const { manager } = await setUp();
    const kernel = await manager.start();
    const execution = kernel.execute('exit 7');
    await expect(execution.reply).rejects.toMatchObject({ code: 'KERNEL_DIED' });
  });
});
