import { describe, expect, it } from '@jest/globals';
import { ProvisionerError, silentLogger } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import type { EngineEvent, EventListener } from '../engine.ts';
import type { NodeDetails, NodeState, ServiceDetails, TaskDetails, TaskListener, TaskState } from './engine-swarm.ts';
import { TaskFollower } from './task-follower.ts';

const refused = new ProvisionerError('ENGINE_REFUSED', 'service not found', { coordinates: { status: 404 } });

/** A swarm that the test changes. */
class FakeSwarm {
  readonly clock = new ManualClock();
  readonly services = new Set<string>();
  readonly tasks: TaskDetails[] = [];
  nodeState: NodeState = 'ready';
  failure: ProvisionerError | undefined;
  listings = 0;
  listener: EventListener | undefined;
  readonly follower = new TaskFollower({
    clock: this.clock,
    logger: silentLogger,
    tasks: {
      list: ({ services = [] }) => {
        this.listings += 1;
        if (this.failure !== undefined) return Promise.reject(this.failure);
        if (services.some((id) => !this.services.has(id))) return Promise.reject(refused);
        return Promise.resolve(this.tasks.filter(({ serviceId }) => services.includes(serviceId)));
      },
    },
    nodes: { list: () => Promise.resolve([{ id: 'n', state: this.nodeState } as NodeDetails]) },
    services: { list: () => Promise.resolve([...this.services].map((id) => ({ id }) as ServiceDetails)) },
    watch: (_, listener) => {
      this.listener = listener;
      return () => {
        this.listener = undefined;
      };
    },
  });

  task(serviceId: string, state: TaskState): void {
    const index = this.tasks.findIndex((task) => task.serviceId === serviceId);
    const task: TaskDetails = {
      ...{ id: `t-${serviceId}`, serviceId, nodeId: 'n', state, desiredState: 'running', message: '', error: '' },
      ...{ exitCode: undefined, containerId: undefined, networks: [], createdAt: '', stateSince: '' },
    };
    this.tasks.splice(index < 0 ? this.tasks.length : index, index < 0 ? 0 : 1, task);
  }

  follow(serviceId: string) {
    const said: string[] = [];
    const listener: TaskListener = {
      onTasks: (tasks) => said.push(tasks.map(({ state, nodeState }) => `${state} ${String(nodeState)}`).join()),
      onGone: () => said.push('gone'),
      onUnreachable: ({ code }) => said.push(code),
    };
    return { said, cancel: this.follower.follow(serviceId, listener) };
  }

  event(type: string, id: string, attributes: Readonly<Record<string, string>> = {}): void {
    const event: EngineEvent = { type, action: 'die', scope: 'local', id, attributes, timeNs: 0n };
    this.listener?.onEvent(event);
  }
}

describe('a follower of tasks', () => {
  it('tells each change once, from the first task to the loss of its node', async () => {
    const swarm = new FakeSwarm();
    swarm.services.add('a');
    const { said } = swarm.follow('a');
    await swarm.clock.advance(1_000);
    swarm.task('a', 'preparing');
    await swarm.clock.advance(5_000);
    swarm.task('a', 'running');
    await swarm.clock.advance(5_000);
    swarm.nodeState = 'down';
    await swarm.clock.advance(5_000);
    expect(said).toEqual(['', 'preparing ready', 'running ready', 'running down']);
    swarm.follower[Symbol.dispose]();
  });

  it('asks once for all services, rarely while nothing happens, and at once after an event that concerns one', async () => {
    const swarm = new FakeSwarm();
    for (const id of ['a', 'b']) {
      swarm.services.add(id);
      swarm.task(id, 'running');
    }
    const [a, b] = [swarm.follow('a'), swarm.follow('b')];
    await swarm.clock.advance(20_000);
    swarm.listings = 0;
    await swarm.clock.advance(10_000);
    expect(swarm.listings).toBe(5);
    swarm.task('b', 'failed');
    swarm.event('container', 'c', { 'com.docker.swarm.service.id': 'another' });
    await settle();
    expect(b.said).toEqual(['running ready']);
    swarm.event('container', 'c', { 'com.docker.swarm.service.id': 'b' });
    await settle();
    expect([a.said, b.said]).toEqual([['running ready'], ['running ready', 'failed ready']]);
    swarm.follower[Symbol.dispose]();
  });

  it('tells when a service is gone, and goes on with the others', async () => {
    const swarm = new FakeSwarm();
    for (const id of ['a', 'b']) {
      swarm.services.add(id);
      swarm.task(id, 'running');
    }
    const [a, b] = [swarm.follow('a'), swarm.follow('b')];
    await settle();
    swarm.services.delete('a');
    swarm.task('b', 'complete');
    await swarm.clock.advance(4_000);
    expect([a.said, b.said]).toEqual([
      ['running ready', 'gone'],
      ['running ready', 'complete ready'],
    ]);
    swarm.follower[Symbol.dispose]();
  });

  it('says that the managers cannot be asked, and goes on when they can', async () => {
    const swarm = new FakeSwarm();
    swarm.services.add('a');
    swarm.task('a', 'running');
    swarm.failure = new ProvisionerError('ENGINE_UNAVAILABLE', 'no engine');
    const { said } = swarm.follow('a');
    await settle();
    swarm.failure = undefined;
    await swarm.clock.advance(4_000);
    expect(said).toEqual(['ENGINE_UNAVAILABLE', 'running ready']);
    swarm.follower[Symbol.dispose]();
  });

  it('leaves nothing behind when nobody follows any more, and begins again', async () => {
    const swarm = new FakeSwarm();
    swarm.services.add('a');
    swarm.task('a', 'running');
    const first = swarm.follow('a');
    await settle();
    first.cancel();
    first.cancel();
    await settle();
    expect([swarm.listener, swarm.clock.pending]).toEqual([undefined, 0]);
    const second = swarm.follow('a');
    await settle();
    expect(second.said).toEqual(['running ready']);
    second.cancel();
    await settle();
    expect([swarm.listener, swarm.clock.pending]).toEqual([undefined, 0]);
  });
});
