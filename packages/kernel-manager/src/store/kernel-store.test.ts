import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileStore } from './file-store.ts';
import type { KernelRecord } from './kernel-record.ts';
import type { KernelStore } from './kernel-store.ts';
import { memoryStore } from './memory-store.ts';

let dir: string;
const opened: KernelStore[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gp-store-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

async function openStore(at = dir): Promise<KernelStore> {
  const store = fileStore({ dir: at });
  opened.push(store);
  await store.open({});
  return store;
}

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function record(n: number, change: Partial<KernelRecord> = {}): KernelRecord {
  return {
    kernelId: id(n),
    instanceId: 'instance',
    owner: 'ada',
    phase: 'running',
    incarnation: 2,
    createdAt: 1_000,
    lastActivity: 2_000,
    kernelSpec: {
      name: 'python3',
      displayName: 'Python 3',
      language: 'python',
      argv: ['python', '-m', 'ipykernel_launcher'],
      env: { A: '1' },
      interruptMode: 'signal',
      metadata: { debugger: true },
      provisioner: { provisionerName: 'local-provisioner', config: { x: [1, null] } },
    },
    launch: { env: { KERNEL_ID: id(n), SECRET: 'ü' }, cwd: '/tmp' },
    state: { pid: 42, nested: { a: [true] } },
    connection: {
      transport: 'tcp',
      ip: '127.0.0.1',
      shell_port: 1,
      iopub_port: 2,
      stdin_port: 3,
      control_port: 4,
      hb_port: 5,
      key: 'k',
      signature_scheme: 'hmac-sha256',
    },
    ...change,
  };
}

describe.each([
  [
    'memoryStore',
    async () => {
      const store = memoryStore();
      await store.open({});
      return store;
    },
  ],
  ['fileStore', () => openStore()],
])('%s', (_name, open) => {
  it('writes, replaces and deletes by version', async () => {
    const store = await open();
    expect(await store.get(id(1))).toBeUndefined();
    const first = await store.put(record(1), { version: 0 });
    expect(await store.get(id(1))).toEqual({ record: record(1), version: first });
    const second = await store.put(record(1, { phase: 'ending' }), { version: first });
    await expect(store.put(record(1), { version: first })).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    await expect(store.put(record(1), { version: 0 })).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    await expect(store.put(record(2), { version: 3 })).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    await expect(store.delete(id(1), { version: first })).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    expect((await store.list()).records).toEqual([{ record: record(1, { phase: 'ending' }), version: second }]);
    await store.delete(id(1), { version: second });
    await store.delete(id(1));
    expect((await store.list()).records).toEqual([]);
  });

  it('lets one of many writers of the same version win', async () => {
    const store = await open();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => store.put(record(1, { owner: String(n) }), { version: 0 })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('keeps its instance id', async () => {
    const store = await open();
    const first = await store.open({});
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(await store.open({})).toBe(first);
  });
});

describe('fileStore', () => {
  it('survives the process: records and instance id are read again', async () => {
    const first = await openStore();
    const instanceId = await first.open({});
    const minimal = record(2, { state: undefined, connection: undefined, launch: { env: {} } });
    await first.put(record(1), { version: 0 });
    await first.put(record(1, { incarnation: 3 }), { version: 1 });
    await first.put(minimal, { version: 0 });
    await first[Symbol.asyncDispose]();
    const second = fileStore({ dir });
    opened.push(second);
    expect(await second.open({})).toBe(instanceId);
    expect(await second.get(id(1))).toEqual({ record: record(1, { incarnation: 3 }), version: 2 });
    expect(await second.get(id(2))).toEqual({ record: minimal, version: 1 });
    await second.put(record(1), { version: 2 });
  });

  it('takes the instance id that it is given', async () => {
    const store = fileStore({ dir });
    opened.push(store);
    expect(await store.open({ instanceId: 'gateway-1' })).toBe('gateway-1');
    expect(await readFile(join(dir, 'instance-id'), 'utf8')).toBe('gateway-1\n');
  });

  it('keeps its files from others', async () => {
    const inner = join(dir, 'a', 'b');
    const store = await openStore(inner);
    await store.put(record(1), { version: 0 });
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(inner)) expect((await stat(join(inner, name))).mode & 0o777).toBe(0o600);
  });

  it("writes Enterprise Gateway's layout, and ours beside it", async () => {
    const store = await openStore();
    await store.put(record(1), { version: 0 });
    expect(JSON.parse(await readFile(join(dir, `${id(1)}.json`), 'utf8'))).toMatchObject({
      [id(1)]: {
        kernel_id: id(1),
        username: 'ada',
        kernel_name: 'python3',
        connection_info: { shell_port: 1, key: 'k' },
        launch_args: { env: { SECRET: 'ü' }, kernel_headers: {}, kernel_name: 'python3', path: '/tmp' },
        process_info: { pid: 42 },
        gateway_provisioners: { instance_id: 'instance', phase: 'running', incarnation: 2 },
      },
    });
  });

  it('reads what Enterprise Gateway wrote, as nobody of ours', async () => {
    const value = {
      kernel_id: id(1),
      username: 'bob',
      kernel_name: 'r_docker',
      connection_info: { ...record(1).connection, pid: 7, extra: 'kept out' },
      launch_args: { env: { KERNEL_USERNAME: 'bob' }, kernel_headers: {}, kernel_name: 'r_docker', path: null },
      process_info: { pid: 7, pgid: 7, ip: '10.0.0.1', assigned_ip: '10.0.0.1', tunneled_connect_info: null },
    };
    await writeFile(join(dir, `${id(1)}.json`), JSON.stringify({ [id(1)]: value }));
    const store = await openStore();
    const { records, problems } = await store.list();
    expect(problems).toEqual([]);
    expect(records[0]?.record).toMatchObject({
      kernelId: id(1),
      instanceId: '',
      owner: 'bob',
      kernelSpec: { name: 'r_docker' },
      connection: record(1).connection,
      launch: { env: { KERNEL_USERNAME: 'bob' } },
      state: { assigned_ip: '10.0.0.1' },
    });
  });

  it('sets a corrupt file aside, says so, and loads the others', async () => {
    const first = await openStore();
    await first.put(record(1), { version: 0 });
    await first[Symbol.asyncDispose]();
    const bad: readonly (readonly [number, string])[] = [
      [2, '{"half'],
      [3, '[]'],
      [4, JSON.stringify({ [id(9)]: {} })],
      [
        5,
        JSON.stringify({ [id(5)]: { kernel_id: id(5), username: 'x', kernel_name: 'y', connection_info: { ip: 7 } } }),
      ],
      [6, ''],
    ];
    for (const [n, text] of bad) await writeFile(join(dir, `${id(n)}.json`), text);
    await writeFile(join(dir, `${id(2)}.json.corrupt-1`), 'an earlier one');
    await writeFile(join(dir, 'notes.txt'), 'not ours');
    await writeFile(join(dir, `${id(7)}.json.0123456789ab.tmp`), 'never finished');
    const store = await openStore();
    const { records, problems } = await store.list();
    expect(records.map(({ record: { kernelId } }) => kernelId)).toEqual([id(1)]);
    expect(problems).toHaveLength(5);
    for (const problem of problems) expect(problem).toMatchObject({ code: 'STORE_CORRUPT' });
    const names = await readdir(dir);
    expect(names).toEqual(expect.arrayContaining([`${id(2)}.json.corrupt-2`, `${id(3)}.json.corrupt-1`, 'notes.txt']));
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await readFile(join(dir, `${id(2)}.json.corrupt-2`), 'utf8')).toBe('{"half');
  });

  it('is not shared: a second opener is told the pid of the first', async () => {
    const first = await openStore();
    await expect(openStore()).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining(`process ${String(process.pid)}`),
    });
    await first[Symbol.asyncDispose]();
    await openStore();
    expect((await readdir(dir)).filter((name) => !name.startsWith('lock.'))).toEqual(['instance-id']);
  });

  it.each([
    ['a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1' })],
    ['another process of the same number', JSON.stringify({ pid: process.pid, startTime: 'long ago' })],
    ['nobody can tell', 'garbage'],
  ])('takes over the lock of %s', async (_whose, text) => {
    await writeFile(join(dir, 'lock.0123456789abcdef.claim'), text);
    await writeFile(join(dir, 'lock.0123456789abcdef.held'), text);
    const store = await openStore();
    await store.put(record(1), { version: 0 });
  });

  it('lets one of many take over a stale lock', async () => {
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1' });
    await writeFile(join(dir, 'lock.0123456789abcdef.claim'), dead);
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => openStore()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await readdir(dir)).filter((name) => name.startsWith('lock.'))).toHaveLength(2);
  });

  it('takes no writes when it is not open', async () => {
    await expect(fileStore({ dir }).put(record(1), { version: 0 })).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});
