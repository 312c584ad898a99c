import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ResourceStack, silentLogger, systemClock } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { ContainerWatch } from '../engine/container-watch.ts';
import { DockerContainer } from './docker-container.ts';

type Answer = readonly [status: number, body: unknown];

const container = (Status: string): Answer => [200, { Id: 'x', State: { Status, ExitCode: 3 } }];

/**
 * A container at an engine whose stream of events stands and tells nothing. What it was seen to be is the first of the
 * engine's answers; the last one is given again.
 */
async function watchedContainer(resources: ResourceStack, answers: readonly Answer[]): Promise<DockerContainer> {
  const left = [...answers];
  const next = (): Answer | undefined => (left.length > 1 ? left.shift() : left[0]);
  const folder = await mkdtemp(join(tmpdir(), 'gp-engine-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const path = join(folder, 'engine.sock');
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://engine');
    if (pathname.endsWith('/events')) response.writeHead(200).flushHeaders();
    else if (pathname.endsWith('/logs')) response.end();
    else {
      const isVersion = pathname.endsWith('/version');
      const [status, body] = (isVersion ? undefined : next()) ?? [200, { ApiVersion: '1.41', Version: 'x' }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
  }).listen(path);
  await once(server, 'listening');
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const config = await configFromEnv({ DOCKER_HOST: `unix://${path}`, HOME: '/nonexistent' });
  const engine = resources.use(openDockerEngine(config));
  const watch = resources.use(new ContainerWatch({ engine, instanceId: 'gw', logger: silentLogger }));
  // Another container is watched already: no stream is opened for ours.
  await new Promise<void>((resolve) => {
    watch.watch('another', resolve);
  });
  const details = await engine.containers.inspect('x');
  if (details === undefined) throw new Error('there is no container');
  const common = { engine, watch, clock: systemClock, logger: silentLogger, address: '10.0.0.2' };
  return resources.use(new DockerContainer({ ...common, details, forget: () => Promise.resolve() }));
}

test.each([
  { what: 'between the look at it and the watch', answers: [container('running'), container('exited')] },
  {
    what: 'when the engine could not say so',
    answers: [container('running'), [500, { message: 'try again' }] as const, container('exited')],
  },
])('a container that ends $what has ended', async ({ answers }) => {
  await using resources = new ResourceStack();
  const { ended } = await watchedContainer(resources, answers);
  expect(await ended).toMatchObject({ reason: 'exited', exitCode: 3 });
});
