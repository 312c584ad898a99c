import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../clock.ts';
import { GroupControl } from './group-control.ts';
import { sendSignal } from './process-signals.ts';
import type { ProcessEntry, ProcessTable } from './process-table.ts';

// A process of somebody else's, which leads a group with the number that ours had.
let stranger: ChildProcess;
let pid: number;
beforeEach(async () => {
  stranger = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { detached: true, stdio: 'ignore' });
  await once(stranger, 'spawn');
  pid = stranger.pid!;
});
afterEach(async () => {
  const exited = once(stranger, 'exit');
  if (stranger.exitCode === null && stranger.signalCode === null) {
    stranger.kill('SIGKILL');
    await exited;
  }
});

function tableOf(entries: readonly ProcessEntry[]): ProcessTable {
  return {
    lookup: (pids) =>
      Promise.resolve(new Map(entries.filter((entry) => pids.includes(entry.pid)).map((entry) => [entry.pid, entry]))),
    groupMembers: (pgid) => Promise.resolve(entries.filter((entry) => entry.pgid === pgid)),
    withVariable: () => Promise.resolve([]),
  };
}

const controlOf = (entries: readonly ProcessEntry[]) =>
  new GroupControl({
    identity: { pid, startTime: 'ours' },
    table: tableOf(entries),
    clock: systemClock,
    isHeld: () => false,
  });

describe('GroupControl', () => {
  it('leaves a stranger alone that has got the number of the group', async () => {
    const control = controlOf([{ pid, pgid: pid, startTime: 'later' }]);
    expect(await control.signalGroup(9)).toBe(false);
    expect(await control.signalLeader(9)).toBe(false);
    expect(await control.isEmpty()).toBe(true);
    await control.end({ graceMs: 10 });
    expect(sendSignal(pid, 0)).toBe(true);
    expect(stranger.signalCode).toBeNull();
  });

  it('does not come back to a number once its group was seen empty', async () => {
    const entries: ProcessEntry[] = [];
    const control = controlOf(entries);
    expect(await control.isEmpty()).toBe(true);
    entries.push({ pid, pgid: pid, startTime: 'ours' });
    expect(await control.signalGroup(9)).toBe(false);
    expect(stranger.signalCode).toBeNull();
  });

  it('says so when a group survives SIGKILL', async () => {
    // The table goes on showing a member, as it would for one that hangs in the operating system.
    const control = controlOf([{ pid: pid + 1, pgid: pid, startTime: 'x' }]);
    const ending = control.end({ graceMs: 0, killWaitMs: 0 });
    await expect(ending).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
