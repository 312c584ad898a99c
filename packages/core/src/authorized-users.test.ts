import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineProvisioner } from './define-provisioner.ts';
import { ProvisionerError } from './errors.ts';
import { RemoteBench } from './remote/testing/remote-bench.ts';
import { silentLogger } from './logger.ts';
import { systemClock } from './clock.ts';
import { noRendezvous } from './no-rendezvous.ts';

const reached = new ProvisionerError('X_REACHED', 'launch was called');
const none = (): Promise<never> => Promise.reject(new Error('not asked for'));

/** Its own settings are strict: what all provisioners have must not reach them. */
const definition = defineProvisioner({
  name: 'test-provisioner',
  apiVersion: 1,
  configSchema: z.strictObject({ size: z.number().optional() }),
  create: () => ({
    launch: () => Promise.reject(reached),
    attach: none,
    list: () => Promise.resolve({ resources: [], unreachable: ['there'] }),
    reap: none,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
});

const services = (env: Readonly<Record<string, string>>) => ({
  ...{ instanceId: 'i', logger: silentLogger, clock: systemClock, runtimeDir: '/nowhere', env },
  rendezvous: noRendezvous,
});

async function launchAs(owner: string, config: object, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  await using provisioner = await definition.createChecked(services(env), config);
  expect(await provisioner.list()).toEqual({ resources: [], unreachable: ['there'] });
  const { context } = new RemoteBench();
  const kernelSpec = { ...context.kernelSpec, displayName: 'Python' };
  return await provisioner.launch({ ...context, owner, kernelSpec }).catch((error: unknown) => error);
}

const refused = { code: 'FORBIDDEN', kind: 'forbidden' };
const advice = 'Ensure KERNEL_USERNAME is set to an appropriate value and retry the request.';

describe('a provisioner launches', () => {
  test.each([
    ['anybody but root', 'alice', {}, {}],
    ['who is on the list', 'alice', { authorized_users: ['bob', 'alice'] }, {}],
    ['who is on the list, given as one text', 'alice', { authorized_users: 'bob, alice' }, {}],
    [
      'whom the kernelspec names, whatever the environment does',
      'alice',
      { authorized_users: ['alice'] },
      { GP_AUTHORIZED_USERS: 'bob' },
    ],
    [
      'whom the environment names, when the kernelspec names nobody',
      'bob',
      { authorized_users: [] },
      { EG_AUTHORIZED_USERS: 'bob' },
    ],
    ['root, when the environment forbids another instead', 'root', {}, { GP_UNAUTHORIZED_USERS: 'mallory' }],
    ['with settings of its own, and the timeout that is the manager’s', 'alice', { size: 3, launch_timeout: 30 }, {}],
  ])('for %s', async (...[, owner, config, env]) => {
    expect(await launchAs(owner, config, env)).toBe(reached);
  });

  test.each([
    ['root', 'root', {}, {}],
    ['root, although the kernelspec forbids another', 'root', { unauthorized_users: ['mallory'] }, {}],
    ['root, although the kernelspec forbids nobody', 'root', { unauthorized_users: [] }, {}],
    ['whom the kernelspec forbids', 'mallory', { unauthorized_users: 'mallory' }, {}],
    ['whom both lists name', 'bob', { unauthorized_users: ['bob'], authorized_users: ['bob'] }, {}],
    ['whom the environment forbids', 'bob', {}, { EG_UNAUTHORIZED_USERS: 'bob' }],
  ])('not for %s', async (...[, owner, config, env]) => {
    const message = `User '${owner}' is not authorized to start kernel 'Python'. ${advice}`;
    expect(await launchAs(owner, config, env)).toMatchObject({ ...refused, message });
  });

  test.each([
    ['who is not on the list', 'alice', { authorized_users: ['bob'] }, {}],
    ['who is on it with other letters', 'Bob', { authorized_users: ['bob'] }, {}],
    ['who is not on that of the environment', 'alice', {}, { GP_AUTHORIZED_USERS: 'bob' }],
  ])('not for one %s, in words that tell the lists apart', async (...[, owner, config, env]) => {
    const message = `User '${owner}' is not in the set of users authorized to start kernel 'Python'. ${advice}`;
    expect(await launchAs(owner, config, env)).toMatchObject({ ...refused, message });
  });
});

test('lists that are none are refused together when the provisioner is created', async () => {
  await expect(launchAs('alice', { authorized_users: 7, unauthorized_users: [1] })).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    problems: [{ key: 'authorized_users' }, { key: 'unauthorized_users' }],
  });
});

describe('images', () => {
  const offers = [{ name: 'a', image: 'a:1', default: true }, { pattern: 'b:*' }];
  const withImages = defineProvisioner({
    name: 'test-provisioner',
    apiVersion: 1,
    configSchema: z.strictObject({}),
    create: () => ({
      ...{ launch: none, attach: none, list: none, reap: none },
      images: ({ owner }) => Promise.resolve(owner === 'alice' ? offers : []),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  });
  const { context } = new RemoteBench();
  const kernelSpec = { ...context.kernelSpec, displayName: 'Python' };

  test('are told to who may start kernels, and to nobody else', async () => {
    await using provisioner = await withImages.createChecked(services({}), { authorized_users: ['alice'] });
    expect(await provisioner.images?.({ ...context, kernelSpec, owner: 'alice' })).toEqual(offers);
    const message = `User 'bob' is not in the set of users authorized to start kernel 'Python'. ${advice}`;
    await expect(provisioner.images?.({ ...context, kernelSpec, owner: 'bob' })).rejects.toMatchObject({
      ...refused,
      message,
    });
  });

  test('are none where the backend has none, and that is not told to everybody either', async () => {
    await using provisioner = await definition.createChecked(services({}), {});
    expect(await provisioner.images?.({ ...context, owner: 'alice' })).toEqual([]);
    await expect(provisioner.images?.({ ...context, owner: 'root' })).rejects.toMatchObject(refused);
  });
});
