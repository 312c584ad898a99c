import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { Gate } from '../life/gate.ts';
import { FakeBackend, FakeResource, untilAborted } from '../testing/fake-backend.ts';
import { TestClient, testManager } from '../testing/test-manager.ts';
import { fileStore } from '../store/file-store.ts';
import type { KernelRecord } from '../store/kernel-record.ts';
import type { KernelStore, StoredRecord } from '../store/kernel-store.ts';
import { memoryStore } from '../store/memory-store.ts';
import type { Manager } from './manager.ts';

const managers: Manager[] = [];

/** A manager over a world and records that an earlier one left. */
async function gateway(store: KernelStore, world: Map<string, FakeResource>) {
  const clock = new ManualClock();
  const backend = new FakeBackend(world);
  const { manager } = await testManager({ clock, store, backend, instanceId: 'mine' });
  managers.push(manager);
  return { clock, backend, manager };
}

afterEach(async () => {
  for (const manager of managers.splice(0)) {
    for (const kernel of manager.list()) await kernel.shutdown({ now: true }).catch(() => undefined);
    await manager.close({ kernels: 'keep' });
  }
});

/** What is in a store when the process is killed at this moment: a copy that nobody writes to any more. */
async function frozen(store: KernelStore): Promise<KernelStore> {
  const copy = memoryStore();
  await copy.open({ instanceId: 'mine' });
  for (const { record } of (await store.list()).records) await copy.put(record, { version: 0 });
  return copy;
}

describe('recover', () => {
  it('attaches to kernels that run, keeping id, owner and incarnation', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start({ owner: 'ada' });
    await kernel.restart();
    const after = await gateway(await frozen(store), world);
    const report = await after.manager.recover();
    expect(report).toEqual({ attached: [kernel.id], lost: [], reaped: [], unreachable: [] });
    const attached = after.manager.get(kernel.id);
    await attached?.ready();
    expect(attached).toMatchObject({ owner: 'ada', incarnation: 2, executionState: 'idle', name: 'fake' });
    const client = new TestClient(attached!);
    client.client.send(
      createMessage({ channel: 'shell', msgType: 'execute_request', content: { code: 'print hi' }, session: 's' }),
    );
    expect(client.seen).toContain('stream:hi');
    await attached?.restart();
    expect(after.backend.last.context).toMatchObject({ incarnation: 3, owner: 'ada' });
    expect(after.backend.last.context.env).toMatchObject({ KERNEL_ID: kernel.id });
  });

  it('takes a kernel that is at work as it is, and learns of its state', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start();
    void kernel.execute('hang');
    const after = await gateway(await frozen(store), world);
    await after.manager.recover();
    const attached = after.manager.get(kernel.id)!;
    expect(attached.executionState).toBe('unknown');
    await after.clock.advance(1_000);
    expect(attached.executionState).toBe('busy');
    await after.clock.advance(24 * 3_600_000);
    expect(attached.phase).toBe('running');
    const [resource] = world.values();
    expect(resource!.kernel.infoRequests).toBeLessThan(200);
    await attached.interrupt();
    expect(attached.executionState).toBe('idle');
    await after.clock.advance(600_000);
    await attached.ready();
    expect(attached.info).toMatchObject({ implementation: 'fake' });
  });

  it('connects later to a kernel that cannot be reached yet, and holds what clients send', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start();
    const [resource] = world.values();
    resource!.kernel.listening = new Gate();
    const after = await gateway(await frozen(store), world);
    const recovering = after.manager.recover();
    await after.clock.advance(5_000);
    expect((await recovering).attached).toEqual([kernel.id]);
    const attached = after.manager.get(kernel.id)!;
    expect(attached.executionState).toBe('unknown');
    const client = new TestClient(attached);
    client.client.send(
      createMessage({ channel: 'shell', msgType: 'execute_request', content: { code: 'print held' }, session: 's' }),
    );
    resource!.kernel.listening.open(undefined);
    await attached.ready();
    expect(client.seen).toContain('stream:held');
  });

  it('does not take the age of a record for idleness', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start();
    const clock = new ManualClock();
    await clock.advance(3_600_000);
    const { manager } = await testManager({
      clock,
      store: await frozen(store),
      backend: new FakeBackend(world),
      instanceId: 'mine',
      culling: { idleTimeoutMs: 600_000, intervalMs: 60_000 },
    });
    managers.push(manager);
    await manager.recover();
    await clock.advance(300_000);
    expect(manager.get(kernel.id)?.executionState).toBe('idle');
    await clock.advance(600_000);
    expect(manager.get(kernel.id)).toBeUndefined();
  });

  it('restarts an attached kernel that dies', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start();
    const after = await gateway(await frozen(store), world);
    await after.manager.recover();
    const [resource] = world.values();
    resource!.exit({ reason: 'exited', exitCode: 'unknown', logTail: '' });
    await settle();
    expect(after.manager.get(kernel.id)).toMatchObject({ incarnation: 2, executionState: 'idle' });
  });

  it('forgets kernels that are gone', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const kernel = await (await gateway(store, world)).manager.start();
    const copy = await frozen(store);
    world.clear();
    const after = await gateway(copy, world);
    expect(await after.manager.recover()).toMatchObject({ attached: [], lost: [kernel.id] });
    expect((await copy.list()).records).toEqual([]);
    expect(after.manager.list()).toEqual([]);
  });

  it('removes what no record of this instance claims, and leaves what is of another', async () => {
    const world = new Map<string, FakeResource>();
    const stray = (instanceId: string) => {
      const base = { kernelId: 'k', incarnation: 1, owner: '', env: {}, deadline: 0 };
      const resource = Object.create(FakeResource.prototype) as FakeResource;
      Object.assign(resource, { id: `stray of ${instanceId}`, context: { ...base, instanceId } });
      world.set(resource.id, resource);
    };
    stray('mine');
    stray('theirs');
    const { manager } = await gateway(memoryStore(), world);
    expect((await manager.recover()).reaped).toEqual(['stray of mine']);
    expect([...world.keys()]).toEqual(['stray of theirs']);
  });

  it("leaves another instance's records alone", async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const before = await gateway(store, world);
    const kernel = await before.manager.start();
    const stored = (await store.get(kernel.id))!;
    const copy = memoryStore();
    await copy.put({ ...stored.record, instanceId: 'theirs' }, { version: 0 });
    for (const resource of world.values()) Object.assign(resource.context, { instanceId: 'theirs' });
    const after = await gateway(copy, world);
    expect(await after.manager.recover()).toEqual({ attached: [], lost: [], reaped: [], unreachable: [] });
    expect(world.size).toBe(1);
    expect((await copy.list()).records).toHaveLength(1);
  });

  it('keeps the record of what a backend cannot tell, and tries again when asked', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const kernel = await (await gateway(store, world)).manager.start();
    const copy = await frozen(store);
    const after = await gateway(copy, world);
    after.backend.attachError = new Error('connection refused');
    after.backend.unreachable = ['node-7'];
    const report = await after.manager.recover();
    expect(report.attached).toEqual([]);
    expect(report.unreachable).toEqual([expect.stringContaining('connection refused'), 'fake-provisioner: node-7']);
    expect(world.size).toBe(1);
    expect((await copy.list()).records).toHaveLength(1);
    after.backend.attachError = undefined;
    after.backend.unreachable = [];
    expect((await after.manager.recover()).attached).toEqual([kernel.id]);
    expect((await after.manager.recover()).attached).toEqual([]);
    expect(after.manager.list()).toHaveLength(1);
  });

  it('does not touch what is being started meanwhile', async () => {
    const store = memoryStore();
    const world = new Map<string, FakeResource>();
    const { manager, backend } = await gateway(store, world);
    backend.afterCheckpoint = (_resource, options) => untilAborted(options);
    const starting = manager.start();
    starting.catch(() => undefined);
    await settle();
    expect(world.size).toBe(1);
    expect(await manager.recover()).toEqual({ attached: [], lost: [], reaped: [], unreachable: [] });
    expect(world.size).toBe(1);
  });

  it('leaves neither orphans nor records behind, whenever the process was killed', async () => {
    // Every write of a record is a moment at which the process may die; so is the moment before a resource is removed.
    const moments: { readonly records: readonly StoredRecord[]; readonly world: ReadonlyMap<string, FakeResource> }[] =
      [];
    const world = new Map<string, FakeResource>();
    const inner = memoryStore();
    const photograph = async (): Promise<void> => {
      moments.push({ records: (await inner.list()).records, world: new Map(world) });
    };
    const store: KernelStore = {
      open: (options) => inner.open(options),
      get: (id) => inner.get(id),
      list: () => inner.list(),
      async put(record: KernelRecord, options: { version: number }) {
        await photograph();
        const version = await inner.put(record, options);
        await photograph();
        return version;
      },
      async delete(id, options) {
        await photograph();
        await inner.delete(id, options);
        await photograph();
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
    const { manager, backend } = await gateway(store, world);
    backend.afterCheckpoint = photograph;
    backend.onCreated = () => void photograph();
    const kernel = await manager.start();
    await photograph();
    await kernel.restart();
    backend.last.kernel.onExit(1);
    await settle();
    await photograph();
    await kernel.shutdown();
    expect(moments.length).toBeGreaterThan(20);
    const phases = new Set(moments.flatMap(({ records }) => records.map(({ record }) => record.phase)));
    expect([...phases].sort()).toEqual(['connecting', 'ending', 'launching', 'running']);

    for (const moment of moments) {
      const copy = memoryStore();
      for (const { record } of moment.records) await copy.put(record, { version: 0 });
      const left = new Map(moment.world);
      const after = await gateway(copy, left);
      const report = await after.manager.recover();
      expect(report.unreachable).toEqual([]);
      // One that had not answered and ends now is dead, and nothing is left of it.
      const kernels = after.manager.list().filter(({ phase }) => phase !== 'ended');
      // What is left is exactly what is attached, and what is recorded.
      expect(left.size).toBe(kernels.length);
      expect((await copy.list()).records.map(({ record }) => record.kernelId)).toEqual(kernels.map(({ id }) => id));
      const [record] = moment.records;
      const [resource] = moment.world.values();
      const wasRunning = record?.record.phase === 'running' && resource !== undefined;
      if (wasRunning && record.record.state?.['resource'] === resource.id) expect(kernels).toHaveLength(1);
      for (const each of kernels) await each.shutdown({ now: true });
      expect(left.size).toBe(0);
      expect((await copy.list()).records).toEqual([]);
    }
  });

  describe('of a kernel that was created and has not answered', () => {
    async function left(end: 'keep' | 'kill') {
      const store = memoryStore();
      const world = new Map<string, FakeResource>();
      const before = await gateway(store, world);
      before.backend.onCreated = (resource) => {
        resource.kernel.answersInfo = false;
      };
      const kernel = await before.manager.start({ until: 'launched' });
      const copy = end === 'kill' ? await frozen(store) : undefined;
      const ready = kernel.ready();
      ready.catch(() => undefined);
      if (end === 'keep') await before.manager.close({ kernels: 'keep' });
      const [resource] = world.values();
      return { id: kernel.id, ready, resource: resource!, after: await gateway(copy ?? store, world), world };
    }

    it.each(['keep', 'kill'] as const)('attaches to it and delivers once it answers (%s)', async (end) => {
      const { id, ready, resource, after } = await left(end);
      expect(resource.calls).not.toContain('kill');
      if (end === 'keep') await expect(ready).rejects.toMatchObject({ code: 'CANCELLED' });
      const recovering = after.manager.recover();
      await after.clock.advance(5_000);
      expect(await recovering).toEqual({ attached: [id], lost: [], reaped: [], unreachable: [] });
      const attached = after.manager.get(id)!;
      expect(attached).toMatchObject({ phase: 'connecting', executionState: 'starting', incarnation: 1 });
      const client = new TestClient(attached);
      client.client.send(
        createMessage({ channel: 'shell', msgType: 'execute_request', content: { code: 'print hi' }, session: 's' }),
      );
      resource.kernel.answersInfo = true;
      await after.clock.advance(5_000);
      await attached.ready();
      expect(attached.executionState).toBe('idle');
      expect(client.seen).toContain('stream:hi');
    });

    it('removes it when it does not answer within the launch timeout, and says so', async () => {
      const { id, after, world } = await left('kill');
      const recovering = after.manager.recover();
      await after.clock.advance(5_000);
      await recovering;
      await after.clock.advance(10 * 60_000);
      expect(after.manager.get(id)).toMatchObject({ phase: 'ended', executionState: 'dead' });
      await expect(after.manager.get(id)?.ready()).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
      expect(world.size).toBe(0);
    });
  });

  it('works from files', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gp-recover-'));
    try {
      const world = new Map<string, FakeResource>();
      const first = await gateway(fileStore({ dir }), world);
      const kernel = await first.manager.start({ owner: 'ada', cwd: '/tmp' });
      await first.manager.close({ kernels: 'keep' });
      const second = await gateway(fileStore({ dir }), world);
      expect((await second.manager.recover()).attached).toEqual([kernel.id]);
      await second.manager.get(kernel.id)?.restart();
      expect(second.backend.last.context).toMatchObject({ owner: 'ada', cwd: '/tmp', incarnation: 2 });
      await second.manager.close({ kernels: 'end' });
      expect(world.size).toBe(0);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
