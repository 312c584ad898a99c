import { listOf, textsOf } from '../../config/json-members.ts';
import { defined } from '../../container-body.ts';
import type { EngineSwarmFiles } from '../../swarm/engine-swarm.ts';
import type { EngineClient } from '../engine-client.ts';
import { toSwarmFile } from './swarm-answers.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';

/** Configurations or secrets: the engine has the same calls for both. */
export function swarmFilesOf(client: EngineClient, kind: 'config' | 'secret'): EngineSwarmFiles {
  const all = `${kind}s`;
  return {
    async create(spec, call = {}) {
      const body = defined({
        Name: spec.name,
        Labels: spec.labels ?? {},
        Data: Buffer.from(spec.content).toString('base64'),
      });
      const request = { method: 'POST', path: [all, 'create'], body, action: `create ${kind}`, codes } as const;
      return textsOf(await client.ask({ ...request, subject: spec.name }, call))['ID'] ?? spec.name;
    },

    async inspect(id, call = {}) {
      const request = { method: 'GET', path: [all, id], action: `inspect ${kind}`, subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      const found = answer === undefined ? undefined : toSwarmFile(answer);
      // The engine takes the beginning of an id as well.
      return found?.id === id || found?.name === id ? found : undefined;
    },

    async list({ labels = [] } = {}, call = {}) {
      const query = { filters: JSON.stringify({ label: labels }) };
      const request = { method: 'GET', path: [all], query, action: `list ${all}`, codes } as const;
      return listOf(await client.ask(request, call)).map(toSwarmFile);
    },

    async remove(id, call = {}) {
      const request = { method: 'DELETE', path: [all, id], action: `remove ${kind}`, subject: id } as const;
      await client.askFor({ ...request, codes: { ...codes, 400: 'ENGINE_RESOURCE_IN_USE' } }, call);
    },
  };
}
