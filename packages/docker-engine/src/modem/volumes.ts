import { listOf, membersOf } from '../config/json-members.ts';
import { defined } from '../container-body.ts';
import type { EngineVolumes } from '../engine-resources.ts';
import type { EngineClient } from './engine-client.ts';
import { toVolumeDetails } from './resource-answers.ts';

/** Volumes of an engine. */
export function volumesOf(client: EngineClient): EngineVolumes {
  return {
    async create(spec, call = {}) {
      const body = defined({
        Name: spec.name,
        Driver: spec.driver,
        DriverOpts: spec.driverOptions,
        Labels: spec.labels,
      });
      const path = ['volumes', 'create'];
      const request = { method: 'POST', path, body, action: 'create volume', subject: spec.name } as const;
      return toVolumeDetails(await client.ask({ ...request, codes: { 404: 'ENGINE_RESOURCE_NOT_FOUND' } }, call));
    },

    async inspect(name, call = {}) {
      const path = ['volumes', name];
      const answer = await client.askFor({ method: 'GET', path, action: 'inspect volume', subject: name }, call);
      return answer === undefined ? undefined : toVolumeDetails(answer);
    },

    async list({ labels = [] } = {}, call = {}) {
      const query = { filters: JSON.stringify({ label: labels }) };
      const request = { method: 'GET', path: ['volumes'], query, action: 'list volumes' } as const;
      return listOf(membersOf(await client.ask(request, call))['Volumes']).map(toVolumeDetails);
    },

    async remove(name, call = {}) {
      const path = ['volumes', name];
      const request = { method: 'DELETE', path, action: 'remove volume', subject: name } as const;
      await client.askFor({ ...request, codes: { 409: 'ENGINE_RESOURCE_IN_USE' } }, call);
    },
  };
}
