import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ResourceStack, silentLogger, systemClock } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { removeService } from './remove-service.ts';

test('a container that is started while its service is removed is removed as well', async () => {
  await using resources = new ResourceStack();
  const folder = await mkdtemp(join(tmpdir(), 'gp-manager-'));
  resources.defer(() => rm(folder, { recursive: true }));
  let state = 'starting';
  let containers = [{ Id: 'c', Names: ['/c'], State: 'running' }];
  const removed: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://engine').pathname.replace(/^\/v1\.41/, '');
    const answer = (body: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (path === '/version') answer({ ApiVersion: '1.41', Version: 'x' });
    else if (path === '/tasks') {
      answer([{ ID: 't', ServiceID: 's', NodeID: 'own', DesiredState: 'remove', Status: { State: state } }]);
    } else if (path === '/containers/json') {
      answer(state === 'running' ? containers : []);
      // Its container has come, a moment after the containers were listed.
      state = 'running';
    } else if (request.method === 'DELETE') {
      removed.push(path);
      containers = [];
      response.writeHead(204).end();
    } else if (path === '/secrets') answer([]);
    else answer({ message: 'gone' }, 404);
  }).listen(join(folder, 'engine.sock'));
  await once(server, 'listening');
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const config = await configFromEnv({ DOCKER_HOST: `unix://${join(folder, 'engine.sock')}`, HOME: '/nonexistent' });
  await removeService({
    engine: resources.use(openDockerEngine(config)),
    clock: systemClock,
    logger: silentLogger,
    owner: { instanceId: 'gw', kernelId: 'k', incarnation: 1 },
    service: 's',
    volumes: [],
    ownNodeId: 'own',
  });
  expect(removed).toEqual(['/containers/c']);
});
