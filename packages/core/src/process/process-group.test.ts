import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, withDeadline } from '../deadline.ts';
import { ResourceStack } from '../resource-stack.ts';
import { attachProcessGroup } from './attach-process-group.ts';
import { endMarkedProcesses } from './end-marked-processes.ts';
import { readLogTail } from './log-file.ts';
import { toKernelExit } from './process-group.ts';
import type { ProcessGroup } from './process-group.ts';
import { sendSignal } from './process-signals.ts';
import { findMarkedProcesses, identifyProcess, isSameProcess } from './process-table.ts';
import { ProcessWatcher } from './process-watcher.ts';
import { spawnProcessGroup } from './spawn-process-group.ts';

const SIGINT = 2;
const SIGTERM = 15;
const SIGKILL = 9;
const MARKER = 'GP_TEST_MARKER';

let folder: string;
let marker: string;
let stack: ResourceStack;

beforeEach(async () => {
  stack = new ResourceStack();
  folder = await mkdtemp(join(tmpdir(), 'gp-core-'));
  marker = folder.slice(folder.lastIndexOf('/') + 1);
  stack.defer(() => rm(folder, { recursive: true }));
  stack.defer(() => endMarkedProcesses({ name: MARKER, value: marker }));
});
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
});

const logPath = () => join(folder, 'kernel.log');

const spawnNode = async (script: string, options: { readonly signal?: AbortSignal } = {}): Promise<ProcessGroup> =>
  stack.use(
    await spawnProcessGroup({
      command: [process.execPath, '-e', script],
      env: { [MARKER]: marker },
      cwd: folder,
      logPath: logPath(),
      ...options,
    }),
  );

/** Waits until the log says so. */
const logHas = (text: string) =>
  withDeadline({ timeoutMs: 25_000, what: `log with ${text}` }, async ({ signal }) => {
    while (!(await readLogTail(logPath())).includes(text)) await delay(5, { signal });
  });

const FOREVER = `setInterval(() => {}, 1000); console.log('up');`;

describe('spawnProcessGroup', () => {
  it('writes stdout and stderr to one private file and reports the exit code', async () => {
    const group = await spawnNode(`console.log('out'); console.error('err'); process.exitCode = 3;`);
    expect(await group.exited).toEqual({ exitCode: 3, signal: undefined });
    expect(await readFile(logPath(), 'utf8')).toBe('out\nerr\n');
    expect((await stat(logPath())).mode & 0o777).toBe(0o600);
    expect(group.running).toBe(false);
  });

  it('reports the exit of a program that ends at once', async () => {
    const group = await spawnProcessGroup({ command: ['/bin/false'], env: {}, cwd: '/', logPath: logPath() });
    expect(await group.exited).toEqual({ exitCode: 1, signal: undefined });
    expect(await isSameProcess(group.identity)).toBe(false);
  });

  it('leads a group of its own, with exactly the environment and folder given', async () => {
    const group = await spawnNode(`console.log(process.cwd(), JSON.stringify(process.env)); ${FOREVER}`);
    await logHas('up');
    expect((await identifyProcess(group.pid))?.pgid).toBe(group.pid);
    expect(await readLogTail(logPath())).toContain(`${folder} {"${MARKER}":"${marker}"}`);
    await group.endGroup({ graceMs: 25_000 });
    expect(await group.exited).toEqual({ exitCode: undefined, signal: 'SIGTERM' });
  });

  it('makes an old log empty and private, and follows no link in its place', async () => {
    await writeFile(logPath(), 'old', { mode: 0o644 });
    await (
      await spawnNode(`console.log('new')`)
    ).exited;
    expect(await readFile(logPath(), 'utf8')).toBe('new\n');
    expect((await stat(logPath())).mode & 0o777).toBe(0o600);
    await rm(logPath());
    await symlink('/dev/null', logPath());
    await expect(spawnNode('')).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
  });

  it('says what to do about a program that cannot be started', async () => {
    const spawnCommand = (command: readonly string[], cwd = folder) =>
      spawnProcessGroup({ command, env: { PATH: '/nowhere' }, cwd, logPath: logPath() });
    const failure = (text: RegExp) => ({ code: 'LAUNCH_FAILED', message: expect.stringMatching(text) });
    await writeFile(join(folder, 'plain'), 'no program');
    await chmod(join(folder, 'plain'), 0o644);
    await expect(spawnCommand([])).rejects.toMatchObject(failure(/command to start is empty/));
    await expect(spawnCommand(['no-such-kernel'])).rejects.toMatchObject(failure(/not found on the kernel's PATH/));
    await expect(spawnCommand(['/no/such'])).rejects.toMatchObject(failure(/does not exist/));
    await expect(spawnCommand([join(folder, 'plain')])).rejects.toMatchObject(failure(/may not be executed/));
    await expect(spawnCommand([process.execPath], '/no/folder')).rejects.toMatchObject(
      failure(/working directory \/no\/folder does not exist/),
    );
    await expect(spawnCommand([process.execPath], join(folder, 'plain'))).rejects.toMatchObject(
      failure(/is not a folder/),
    );
    await expect(spawnCommand(['a\0b'])).rejects.toMatchObject(failure(/could not be started/));
  });

  it('starts nothing for an aborted caller', async () => {
    await expect(spawnNode(FOREVER, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await findMarkedProcesses(MARKER, { value: marker })).toEqual([]);
  });

  it('leaves nothing behind when the caller aborts while it starts', async () => {
    const controller = new AbortController();
    const spawning = spawnNode(FOREVER, { signal: controller.signal });
    controller.abort();
    await expect(spawning).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await findMarkedProcesses(MARKER, { value: marker })).toEqual([]);
  });
});

const STUBBORN_CHILD = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('child up')"], { stdio: 'inherit' });
`;

describe('endGroup', () => {
  it('waits for the whole group and kills what ignores SIGTERM', async () => {
    const group = await spawnNode(`${STUBBORN_CHILD} ${FOREVER}`);
    await logHas('child up');
    expect(await findMarkedProcesses(MARKER, { value: marker })).toHaveLength(2);
    await group.endGroup({ graceMs: 200 });
    expect(await findMarkedProcesses(MARKER, { value: marker })).toEqual([]);
    expect(await group.isEmpty()).toBe(true);
  });

  it('ends children that outlive their leader', async () => {
    const group = await spawnNode(`${STUBBORN_CHILD} child.unref(); setTimeout(() => process.exit(0), 300)`);
    await logHas('child up');
    await group.exited;
    expect(await group.isEmpty()).toBe(false);
    await group.endGroup({ graceMs: 0 });
    expect(await findMarkedProcesses(MARKER, { value: marker })).toEqual([]);
  });

  it('succeeds when nothing is left, twice and concurrently', async () => {
    const group = await spawnNode(FOREVER);
    await logHas('up');
    await Promise.all([group.endGroup({ graceMs: 1_000 }), group.endGroup({ graceMs: 0 })]);
    await group.endGroup({ graceMs: 1_000 });
    expect(await group.signalGroup(SIGTERM)).toBe(false);
    expect(await group.signalLeader(SIGTERM)).toBe(false);
  });

  it('stops waiting when the caller aborts', async () => {
    const group = await spawnNode(`process.on('SIGTERM', () => console.log('ignored')); ${FOREVER}`);
    await logHas('up');
    const controller = new AbortController();
    const ending = group.endGroup({ graceMs: 60_000, signal: controller.signal });
    await logHas('ignored');
    controller.abort();
    await expect(ending).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('delivers signals to the group or to the leader', async () => {
    const group = await spawnNode(`process.on('SIGINT', () => console.log('interrupted')); ${FOREVER}`);
    await logHas('up');
    expect(await group.signalGroup(SIGINT)).toBe(true);
    await logHas('interrupted');
    expect(await group.signalLeader(SIGKILL)).toBe(true);
    expect(await group.exited).toEqual({ exitCode: undefined, signal: 'SIGKILL' });
  });

  it('never signals a process that has got the number of the leader', async () => {
    const group = await spawnNode(FOREVER);
    const watcher = new ProcessWatcher();
    const other = { pid: group.pid, startTime: 'an earlier start' };
    expect(await attachProcessGroup(other, { watcher })).toBeUndefined();
    await group.endGroup({ graceMs: 0 });
  });
});

describe('attachProcessGroup', () => {
  it('follows and ends a group that somebody else started', async () => {
    const group = await spawnNode(FOREVER);
    const watcher = new ProcessWatcher({ intervalMs: 10 });
    const attached = await attachProcessGroup(group.identity, { watcher });
    expect(attached?.running).toBe(true);
    await attached?.endGroup({ graceMs: 25_000 });
    expect(await attached?.exited).toEqual({ exitCode: 'unknown', signal: undefined });
    expect(attached?.running).toBe(false);
    expect(await group.exited).toMatchObject({ signal: 'SIGTERM' });
  });

  it('gives nothing for a leader that is gone, and refuses what is no group', async () => {
    const group = await spawnNode(`${STUBBORN_CHILD} ${FOREVER}`);
    await logHas('child up');
    const watcher = new ProcessWatcher();
    const members = await findMarkedProcesses(MARKER, { value: marker });
    const child = members.find(({ pid }) => pid !== group.pid)!;
    await expect(attachProcessGroup(child, { watcher })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await group.endGroup({ graceMs: 0 });
    expect(await attachProcessGroup(group.identity, { watcher })).toBeUndefined();
  });

  it('looks for all groups at once and stops looking when none is left', async () => {
    const groups = await Promise.all([1, 2, 3].map(() => spawnNode(FOREVER)));
    const watcher = new ProcessWatcher({ intervalMs: 10 });
    const attached = await Promise.all(groups.map(({ identity }) => attachProcessGroup(identity, { watcher })));
    attached[0]?.[Symbol.dispose]();
    await Promise.all(groups.map((group) => group.endGroup({ graceMs: 0 })));
    await Promise.all(attached.slice(1).map(async (group) => await group?.exited));
    expect(attached.map((group) => group?.running)).toEqual([true, false, false]);
  });
});

describe('endMarkedProcesses', () => {
  it('reaches descendants that left the group', async () => {
    const group = await spawnNode(`
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', "setInterval(() => {}, 1000); console.log('escaped')"], { detached: true, stdio: 'inherit' }).unref();
      ${FOREVER}`);
    await logHas('escaped');
    await group.endGroup({ graceMs: 0 });
    expect(await findMarkedProcesses(MARKER, { value: marker })).toHaveLength(1);
    expect(await endMarkedProcesses({ name: MARKER, value: marker })).toBe(1);
    expect(await findMarkedProcesses(MARKER, { value: marker })).toEqual([]);
  });

  it('has nothing to do with other markers', async () => {
    const group = await spawnNode(FOREVER);
    expect(await endMarkedProcesses({ name: MARKER, value: marker.slice(0, -1) })).toBe(0);
    expect(await isSameProcess(group.identity)).toBe(true);
    await group.endGroup({ graceMs: 0 });
  });
});

describe('sendSignal', () => {
  it.each([0, 1, -1, -5, 1.5, NaN, process.pid])('refuses process %j', (pid) => {
    expect(() => sendSignal(pid, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => sendSignal(pid, 0, { group: true })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
  it('refuses what is no signal number', () => {
    expect(() => sendSignal(2 ** 22, 65)).toThrow(/not a signal number/);
  });
  it('says whether anybody was there', () => {
    expect(sendSignal(process.ppid, 0)).toBe(true);
    expect(sendSignal(2 ** 22 + 1, 0)).toBe(false);
  });
});

describe('toKernelExit', () => {
  it('speaks the words of the contract', () => {
    expect(toKernelExit({ exitCode: 1, signal: undefined }, 'log')).toEqual({
      reason: 'exited',
      exitCode: 1,
      logTail: 'log',
    });
    expect(toKernelExit({ exitCode: undefined, signal: 'SIGKILL' }, '')).toEqual({
      reason: 'signalled',
      signal: 'SIGKILL',
      logTail: '',
    });
    expect(toKernelExit({ exitCode: 'unknown', signal: undefined }, '')).toEqual({
      reason: 'gone',
      exitCode: 'unknown',
      logTail: '',
    });
  });
});
