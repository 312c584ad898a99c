import { listOf, textsOf } from '../config/json-members.ts';
import { defined } from '../container-body.ts';
import type { EngineNetworks } from '../engine-resources.ts';
import type { EngineClient } from './engine-client.ts';
import { toNetworkDetails } from './resource-answers.ts';

/** Networks of an engine, and of the swarm that it manages. */
export function networksOf(client: EngineClient): EngineNetworks {
  return {
    async inspect(network, call = {}) {
      const path = ['networks', network];
      const request = { method: 'GET', path, action: 'inspect network', subject: network } as const;
      const answer = await client.askFor(request, call);
      return answer === undefined ? undefined : toNetworkDetails(answer);
    },

    async list({ labels = [] } = {}, call = {}) {
      const query = { filters: JSON.stringify({ label: labels }) };
      const request = { method: 'GET', path: ['networks'], query, action: 'list networks' } as const;
      return listOf(await client.ask(request, call)).map(toNetworkDetails);
    },

    async create(spec, call = {}) {
      const body = defined({
        Name: spec.name,
        CheckDuplicate: true,
        Driver: spec.driver,
        Options: spec.driverOptions,
        Scope: spec.scope,
        Labels: spec.labels,
        Attachable: spec.attachable,
        Internal: spec.internal,
        IPAM: spec.subnet === undefined ? undefined : { Config: [{ Subnet: spec.subnet }] },
      });
      const path = ['networks', 'create'];
      const request = { method: 'POST', path, body, action: 'create network', subject: spec.name } as const;
      return textsOf(await client.ask(request, call))['Id'] ?? spec.name;
    },

    async remove(network, call = {}) {
      const path = ['networks', network];
      const request = { method: 'DELETE', path, action: 'remove network', subject: network } as const;
      // 403 with endpoints on it, and for the networks that an engine always has; 400 while a service wants it.
      const codes = { 400: 'ENGINE_RESOURCE_IN_USE', 403: 'ENGINE_RESOURCE_IN_USE' } as const;
      await client.askFor({ ...request, codes }, call);
    },
  };
}
