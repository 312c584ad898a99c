import { describe, expect, it } from '@jest/globals';
import { ProvisionerError, silentLogger } from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import type { ServiceDetails } from '@gateway-provisioners/docker-engine';
import { INSTANCE_LABEL } from '@gateway-provisioners/docker-engine/kernels';
import { removeVolumes } from './remove-volumes.ts';

const inUse = new ProvisionerError('ENGINE_RESOURCE_IN_USE', 'volume is in use');

const mountOf = (source: string) => ({ type: 'volume', source, target: '/x', readOnly: false, volumeLabels: {} });
const service = (name: string, volume: string): ServiceDetails => ({
  ...{ id: name, name, labels: {}, containerLabels: {}, image: '', env: [], networks: [], replicas: 1 },
  ...{ version: 1, createdAt: '', mounts: [mountOf(volume)] },
});

/** An engine whose volumes are in use for a number of attempts, and what is asked of it and logged. */
class Bench {
  readonly clock = new ManualClock();
  readonly tries: string[] = [];
  readonly told: unknown[] = [];
  readonly labels: unknown[] = [];
  others: readonly ServiceDetails[] = [];
  readonly #busy: number;
  readonly #error: Error;

  constructor(busy: number, error: Error = inUse) {
    this.#busy = busy;
    this.#error = error;
  }

  async remove(...volumes: readonly string[]): Promise<void> {
    const logger: Logger = { ...silentLogger, warn: (...line) => this.told.push(line) };
    await removeVolumes({
      engine: {
        volumes: {
          remove: (name) => {
            const before = this.tries.filter((tried) => tried === name).length;
            this.tries.push(name);
            return before < this.#busy ? Promise.reject(this.#error) : Promise.resolve();
          },
        },
        services: {
          list: ({ labels }) => {
            this.labels.push(labels);
            return Promise.resolve(this.others);
          },
        },
      },
      clock: this.clock,
      logger,
      instanceId: 'gw',
      volumes,
    });
  }
}

describe('volumes that go with a service', () => {
  it('are tried again each second while a container has them', async () => {
    const bench = new Bench(3);
    const removal = bench.remove('v');
    await bench.clock.advance(2_999);
    expect(bench.tries).toHaveLength(3);
    await bench.clock.advance(1);
    await removal;
    expect(bench.tries).toHaveLength(4);
    expect(bench.told).toEqual([]);
  });

  it('are told of after 15 attempts, and do not keep the next from being removed', async () => {
    const bench = new Bench(15);
    const removal = bench.remove('v', 'w');
    await bench.clock.advance(14_000);
    expect(bench.tries.filter((name) => name === 'v')).toHaveLength(15);
    expect(bench.told).toEqual([['a volume could not be removed', { volume: 'v', error: 'volume is in use' }]]);
    await bench.clock.advance(14_000);
    await removal;
    expect(bench.tries.filter((name) => name === 'w')).toHaveLength(15);
  });

  it('are left at once to another kernel of the same gateway that mounts them', async () => {
    const bench = new Bench(15);
    bench.others = [service('other', 'unlike'), service('same', 'v')];
    await bench.remove('v');
    expect(bench.tries).toEqual(['v']);
    expect(bench.clock.pending).toBe(0);
    expect(bench.labels).toEqual([[`${INSTANCE_LABEL}=gw`]]);
    expect(bench.told).toEqual([]);
  });

  it('are not hidden when they cannot be removed for another reason', async () => {
    const refused = new ProvisionerError('ENGINE_REFUSED', 'no');
    const bench = new Bench(1, refused);
    await expect(bench.remove('v')).rejects.toBe(refused);
    expect(bench.tries).toEqual(['v']);
  });

  it('are removed at once where nothing has them, or they are gone', async () => {
    const bench = new Bench(0);
    await bench.remove('v', 'w');
    expect(bench.tries).toEqual(['v', 'w']);
    expect(bench.labels).toEqual([]);
  });
});
