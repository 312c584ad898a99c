import { ProvisionerError, isProvisionerError } from '@gateway-provisioners/core';
import { membersOf, numberOf, textsOf } from '../config/json-members.ts';
import { containerBody } from '../container-body.ts';
import type { EngineContainers } from '../engine.ts';
import { tarArchive } from '../tar-archive.ts';
import { toContainerDetails, toContainerStats, toContainerSummary } from './answers.ts';
import type { EngineClient, EngineRequest } from './engine-client.ts';
import { inspectImage } from './images.ts';
import { readLog } from './read-log.ts';

/** Containers of an engine. */
export function containersOf(client: EngineClient): EngineContainers {
  return {
    async create(spec, call = {}) {
      const request = {
        method: 'POST',
        path: ['containers', 'create'],
        query: { name: spec.name },
        body: containerBody(spec),
        action: 'create container',
        subject: spec.name,
      } as const;
      try {
        return textsOf(await client.ask(request, call))['Id'] ?? spec.name;
      } catch (error) {
        // 404 is the answer for a missing image, and for a missing volume driver as well.
        const isMissing = isProvisionerError(error) && error.coordinates['status'] === 404;
        if (!isMissing || (await inspectImage(client, spec.image, call)) !== undefined) throw error;
        const coordinates = { engine: client.address };
        const message = `the engine has no image ${spec.image}`;
        throw new ProvisionerError('IMAGE_NOT_FOUND', message, { cause: error, coordinates });
      }
    },

    async start(id, call = {}) {
      await client.askUnless([304], about(id, 'start container', ['start']), call);
    },

    async inspect(id, call = {}) {
      const answer = await client.askFor({ ...about(id, 'inspect container', ['json']), method: 'GET' }, call);
      return answer === undefined ? undefined : toContainerDetails(answer);
    },

    async list({ labels }, call = {}) {
      const query = { all: true, filters: JSON.stringify({ label: labels }) };
      const request = { method: 'GET', path: ['containers', 'json'], query, action: 'list containers' } as const;
      const answer = await client.ask(request, call);
      return (Array.isArray(answer) ? answer : []).map(toContainerSummary);
    },

    async kill(id, signal, call = {}) {
      const request = { ...about(id, `send signal ${String(signal)} to container`, ['kill']), query: { signal } };
      return (await client.askUnless([404, 409], request, call)) !== undefined;
    },

    async stop(id, graceSeconds, call = {}) {
      const request = { ...about(id, 'stop container', ['stop']), query: { t: graceSeconds } };
      const timeoutMs = (call.timeoutMs ?? client.timeoutMs) + graceSeconds * 1_000;
      return (await client.askUnless([304, 404], request, { ...call, timeoutMs })) !== undefined;
    },

    async remove(id, call = {}) {
      const request = {
        ...about(id, 'remove container', []),
        method: 'DELETE',
        query: { force: true, v: true },
      } as const;
      if ((await client.askUnless([404, 409], request, call)) !== undefined) return;
      // Gone, or somebody else is removing it at this moment; then this answers when it is gone.
      await client.askFor({ ...about(id, 'wait for the removal of', ['wait']), query: { condition: 'removed' } }, call);
    },

    async wait(id, call = {}) {
      const answer = await client.askFor(about(id, 'wait for container', ['wait']), { timeoutMs: Infinity, ...call });
      return answer === undefined ? undefined : numberOf(membersOf(answer)['StatusCode']);
    },

    async logs(id, { maxBytes }, call = {}) {
      const request = { path: ['containers', id, 'logs'], action: 'read the log of container', subject: id };
      return await readLog(client, { ...request, maxBytes }, call);
    },

    async stats(id, call = {}) {
      const query = { stream: false, 'one-shot': true };
      const answer = await client.askFor({ ...about(id, 'measure container', ['stats']), method: 'GET', query }, call);
      return answer === undefined ? undefined : toContainerStats(answer);
    },

    async putFiles(id, files, call = {}) {
      const request = { ...about(id, 'put files into container', ['archive']), method: 'PUT' } as const;
      await client.ask({ ...request, query: { path: '/' }, archive: tarArchive(files) }, call);
    },
  };
}

function about(id: string, action: string, rest: readonly string[]): EngineRequest {
  return { method: 'POST', path: ['containers', id, ...rest], action, subject: id };
}
