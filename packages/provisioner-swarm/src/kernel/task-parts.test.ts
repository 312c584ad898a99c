import { describe, expect, it } from '@jest/globals';
import type { TaskDetails } from '@gateway-provisioners/docker-engine';
import { openDockerEngine } from '@gateway-provisioners/docker-engine';
import { discoveryName, taskAddress } from './service-address.ts';
import { taskExit } from './task-end.ts';
import { mayBeOutOfDate, taskProgress } from './task-state.ts';

const task = (overrides: Partial<TaskDetails>): TaskDetails => ({
  id: 't',
  serviceId: 's',
  nodeId: 'n1',
  state: 'running',
  desiredState: 'running',
  message: 'started',
  error: '',
  exitCode: undefined,
  containerId: 'c',
  networks: [],
  createdAt: '',
  stateSince: '',
  ...overrides,
});
const facts = { logTail: 'log', oomKilled: false };

describe('how a task ended', () => {
  it.each<[string, Partial<TaskDetails>, object, object]>([
    ['well', { state: 'complete' }, facts, { reason: 'exited', exitCode: 0 }],
    [
      'with a code',
      { state: 'failed', exitCode: 3, error: 'task: non-zero exit (3)' },
      facts,
      { reason: 'exited', exitCode: 3 },
    ],
    ['by a signal', { state: 'failed', exitCode: 139 }, facts, { reason: 'signalled', signal: 'SIGSEGV' }],
    ['for memory', { state: 'failed', exitCode: 137 }, { logTail: '', oomKilled: true }, { reason: 'oom' }],
    [
      'killed on another node',
      { state: 'failed', exitCode: 137 },
      { logTail: '', oomKilled: undefined },
      { reason: 'signalled', signal: 'SIGKILL', detail: expect.stringContaining('engine of its node') },
    ],
    [
      'before it began',
      { state: 'failed', exitCode: 0, error: 'starting container failed: x' },
      facts,
      { reason: 'exited', exitCode: 'unknown', detail: 'starting container failed: x' },
    ],
    ['refused', { state: 'rejected', error: 'invalid mount' }, facts, { reason: 'exited', detail: 'invalid mount' }],
    ['stopped by the swarm', { state: 'shutdown', exitCode: 137 }, facts, { reason: 'evicted', exitCode: 137 }],
    ['removed', { state: 'remove' }, facts, { reason: 'gone' }],
  ])('%s', (...[, overrides, known, exit]) => {
    const made = taskExit(task(overrides), { logTail: 'log', oomKilled: undefined, ...known });
    expect(made).toMatchObject(exit);
  });

  it('is not known of one on a node that is lost', () => {
    expect(mayBeOutOfDate(task({ desiredState: 'shutdown' }))).toBe(true);
    expect(mayBeOutOfDate(task({}))).toBe(false);
    expect(mayBeOutOfDate(task({ desiredState: 'shutdown', state: 'failed' }))).toBe(false);
  });
});

it('progress says what the scheduler and the node say', () => {
  expect(
    taskProgress(task({ state: 'pending', message: 'pending task scheduling', error: 'no suitable node' })),
  ).toEqual({
    phase: 'scheduling',
    message: 'no suitable node',
  });
  expect(taskProgress(task({ state: 'preparing', message: 'preparing' }))).toMatchObject({ phase: 'pulling' });
  expect(taskProgress(task({ state: 'starting' }))).toMatchObject({ phase: 'starting' });
  expect(taskProgress(task({ state: 'running' }))).toBeUndefined();
});

describe('a task is reached', () => {
  // Nothing of it is asked for.
  const engine = openDockerEngine({
    transport: { kind: 'unix', path: '/nonexistent' },
    configDir: '/nonexistent',
    env: {},
  });
  const network = (name: string, ...addresses: string[]) => ({ id: `id-${name}`, name, driver: 'overlay', addresses });
  const networks = [network('ingress', '10.0.0.9'), network('other', '10.1.0.2'), network('wanted', '10.2.0.2')];

  it.each([
    ['at its address in the network that was asked for', 'wanted', networks, '10.2.0.2'],
    ['as well when that was named by its id', 'id-wanted', networks, '10.2.0.2'],
    ['else in another, but not in that of published ports', 'none', networks, '10.1.0.2'],
    ['where its launcher answered from, in the host’s network', 'host', [network('host')], undefined],
    [
      'as well on a network of another node that the manager hands no addresses out for',
      'b',
      [network('b')],
      undefined,
    ],
  ])('%s', async (...[, name, attached, address]) => {
    const on = task({ networks: attached, nodeId: 'n2' });
    expect(await taskAddress({ engine, task: on, network: name, ownNodeId: 'n1' })).toBe(address);
  });

  it('by name, which in mode vip is that of its tasks', () => {
    expect(discoveryName({ name: 's', endpointMode: 'dnsrr' })).toBe('s');
    expect(discoveryName({ name: 's', endpointMode: 'vip' })).toBe('tasks.s');
  });
});
