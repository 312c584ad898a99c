import { expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import { SharedEngines } from './shared-engine.ts';

class Watch implements Disposable {
  isOpen = true;

  [Symbol.dispose](): void {
    this.isOpen = false;
  }
}

const services = (env: Readonly<Record<string, string>>) => ({
  ...{ instanceId: 'gw', env, clock: systemClock, logger: silentLogger },
});

it('is one for all of a gateway, and closed when the last one leaves', async () => {
  const engines = new SharedEngines(() => new Watch());
  const given = services({ DOCKER_HOST: 'unix:///nonexistent', HOME: '/nonexistent' });
  const [one, two] = [await engines.open(given), await engines.open(given)];
  const { watch } = one.shared;
  expect(two.shared.watch).toBe(watch);
  await one[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();
  expect(watch.isOpen).toBe(true);
  await two[Symbol.asyncDispose]();
  expect(watch.isOpen).toBe(false);
  await using another = await engines.open(given);
  expect(another.shared.watch.isOpen).toBe(true);
});

it('stays open for who has asked for it when another one leaves', async () => {
  const engines = new SharedEngines(() => new Watch());
  const given = services({ DOCKER_HOST: 'unix:///nonexistent', HOME: '/nonexistent' });
  const one = await engines.open(given);
  const asked = engines.open(given);
  await one[Symbol.asyncDispose]();
  await using two = await asked;
  expect(two.shared.watch.isOpen).toBe(true);
});

it('that could not be opened is tried anew', async () => {
  const engines = new SharedEngines(() => new Watch());
  const env = { DOCKER_HOST: 'nonsense', HOME: '/nonexistent' };
  const given = services(env);
  const failed = await Promise.allSettled([engines.open(given), engines.open(given)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  env.DOCKER_HOST = 'unix:///nonexistent';
  await using opened = await engines.open(given);
  expect(opened.shared.watch.isOpen).toBe(true);
});
