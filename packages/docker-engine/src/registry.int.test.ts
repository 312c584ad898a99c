import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isProvisionerError } from '@gateway-provisioners/core';
import { until } from '@gateway-provisioners/core/testing';
import type { PullProgress } from './index.ts';
import { PullBench, required } from './testing/pull-bench.ts';
import { SlowProxy } from './testing/slow-proxy.ts';

const run = promisify(execFile);
const settings = process.env;
const MEGABYTE = 1 << 20;

describe('a pull', () => {
  test('brings the image and tells how far it is', async () => {
    await using bench = await PullBench.open();
    await using proxy = await SlowProxy.open({ to: required('GP_TEST_REGISTRY'), bytesPerSecond: MEGABYTE / 4 });
    const image = await bench.put([MEGABYTE, 2 * MEGABYTE, 3 * MEGABYTE], { via: proxy.address });
    const seen: PullProgress[] = [];
    expect(await bench.engine.images.inspect(image)).toBeUndefined();
    const isHalfway = ({ fraction }: PullProgress): boolean => fraction > 0.1 && fraction < 0.9;
    await bench.engine.images.pull(image, {
      progress: (progress) => {
        seen.push(progress);
        // Slow for no longer than it takes the engine to say so.
        if (isHalfway(progress)) proxy.hurry();
      },
    });
    expect((await bench.engine.images.inspect(image))?.command).toEqual(['/none']);
    expect(seen.at(-1)).toMatchObject({ layers: 3, layersDone: 3, fraction: 1 });
    expect(seen.some(isHalfway)).toBe(true);
    expect(seen.find(({ message }) => message.includes(' MB'))?.message).toMatch(
      /^pulling 127.+:1: \d of 3 layers, [\d.]+ of [\d.]+ MB$/,
    );
    // Again: all is there.
    await bench.engine.images.pull(image);
  });

  test('that is slow ends at its deadline or when it is cancelled, and the engine fetches no more', async () => {
    await using bench = await PullBench.open();
    await using proxy = await SlowProxy.open({ to: required('GP_TEST_REGISTRY'), bytesPerSecond: 50_000 });
    const image = await bench.put([8 * MEGABYTE], { via: proxy.address });
    await expect(bench.engine.images.pull(image, { timeoutMs: 1_500 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining(image),
    });
    await proxy.idle();

    const controller = new AbortController();
    const before = proxy.bytes;
    const progress = (): void => {
      if (proxy.bytes > before + 50_000) controller.abort();
    };
    const pulling = bench.engine.images.pull(image, { signal: controller.signal, progress });
    await expect(pulling).rejects.toMatchObject({ code: 'CANCELLED' });
    await proxy.idle();
    expect(proxy.bytes).toBeLessThan(4 * MEGABYTE);
    expect(await bench.engine.images.inspect(image)).toBeUndefined();
  });

  test('of what the registry lacks is IMAGE_NOT_FOUND', async () => {
    await using bench = await PullBench.open();
    const image = await bench.put([1]);
    for (const missing of [`${image}0`, `${required('GP_TEST_REGISTRY')}/gp-test/no-such-image:1`]) {
      await expect(bench.engine.images.pull(missing)).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
        message: expect.stringContaining(missing),
      });
    }
  });
});

describe('a registry that wants credentials', () => {
  const auth = (password: string) => Buffer.from(`${required('GP_TEST_REGISTRY_USER')}:${password}`).toString('base64');
  const registry = () => required('GP_TEST_REGISTRY_AUTH');

  test('gets those of the configuration file', async () => {
    const config = { auths: { [registry()]: { auth: auth(required('GP_TEST_REGISTRY_PASSWORD')) } } };
    await using bench = await PullBench.open({ config });
    const image = await bench.put([10], { registry: registry() });
    await bench.engine.images.pull(image);
    expect(await bench.engine.images.inspect(image)).toBeDefined();
  });

  test('gets those of a credential helper, which is asked for this registry', async () => {
    const answer = { Username: required('GP_TEST_REGISTRY_USER'), Secret: required('GP_TEST_REGISTRY_PASSWORD') };
    const helper = `#!/bin/sh\nread -r server; [ "$server" = ${registry()} ] || exit 1; echo '${JSON.stringify(answer)}'\n`;
    await using bench = await PullBench.open({ config: { credHelpers: { [registry()]: 'gptest' } }, helper });
    const image = await bench.put([10], { registry: registry() });
    await bench.engine.images.pull(image);
    expect(await bench.engine.images.inspect(image)).toBeDefined();
  });

  test.each([
    { what: 'none', config: () => ({}) },
    { what: 'wrong ones', config: () => ({ auths: { [registry()]: { auth: auth('wrong-secret') } } }) },
  ])('gives nothing to $what, and no secret is told', async ({ config }) => {
    await using bench = await PullBench.open({ config: config() });
    const image = await bench.put([10], { registry: registry() });
    const error: unknown = await bench.engine.images.pull(image).catch((reason: unknown) => reason);
    if (!isProvisionerError(error)) throw new Error('not an error of ours', { cause: error });
    expect(error.code).toBe('IMAGE_PULL_FAILED');
    expect(error.message).toMatch(new RegExp(`^could not pull ${image}: .*(auth|credentials)`));
    expect(JSON.stringify([error.message, error.coordinates])).not.toMatch(/wrong-secret|d3Jvbmct/);
    expect(await bench.engine.images.inspect(image)).toBeUndefined();
  });
});

describe('an engine whose disk is too small', () => {
  const script = new URL('../../../tools/testbeds/docker.sh', import.meta.url).pathname;
  let host = '';
  beforeAll(async () => {
    await run(script, ['up', 'small'], { env: { ...settings, GP_DOCKER_SMALL_MB: '48' } });
    host = `unix://${settings['GP_TESTBED_RUN'] ?? '/var/lib/gateway-provisioners'}/docker/small/docker.sock`;
  });
  afterAll(async () => {
    await run(script, ['down-small']);
  });

  test('says so, keeps nothing of the image, and goes on with another', async () => {
    await using bench = await PullBench.open({ host });
    const folder = new URL('data', `file://${host.slice('unix://'.length)}`).pathname;
    const freeBytes = async () => Number((await run('df', ['--output=avail', '-B1', folder])).stdout.split('\n')[1]);
    const before = await freeBytes();
    const image = await bench.put([20 * MEGABYTE, 40 * MEGABYTE]);
    await expect(bench.engine.images.pull(image)).rejects.toMatchObject({
      code: 'IMAGE_PULL_FAILED',
      message: expect.stringMatching(new RegExp(`${image}.*no space left on device`, 's')),
    });
    expect(await bench.images()).toEqual([]);
    // The engine answers before it has removed all of what it fetched.
    await until('the end of what was fetched', async () => before - (await freeBytes()) < MEGABYTE);
    await using other = await PullBench.open({ host });
    await other.engine.images.pull(await other.put([MEGABYTE]));
    expect((await other.images()).length).toBe(1);
  });
});
