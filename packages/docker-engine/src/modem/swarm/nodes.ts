import { listOf, membersOf, numberOf } from '../../config/json-members.ts';
import type { EngineNodes, EngineSwarm } from '../../swarm/engine-swarm.ts';
import type { EngineClient } from '../engine-client.ts';
import { changeVersion } from './change-version.ts';
import { toNodeDetails, toSwarmInfo } from './swarm-answers.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';

/** What an engine is to a swarm. */
export function swarmOf(client: EngineClient): EngineSwarm {
  return {
    async info(call = {}) {
      return toSwarmInfo(await client.ask({ method: 'GET', path: ['info'], action: 'ask about the engine' }, call));
    },
  };
}

/** Nodes of the swarm that an engine manages. */
export function nodesOf(client: EngineClient): EngineNodes {
  return {
    async inspect(id, call = {}) {
      const request = { method: 'GET', path: ['nodes', id], action: 'inspect node', subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      const found = answer === undefined ? undefined : toNodeDetails(answer);
      // The engine takes the beginning of an id as well.
      return found?.id === id || found?.hostname === id ? found : undefined;
    },

    async list(call = {}) {
      const request = { method: 'GET', path: ['nodes'], action: 'list nodes', codes } as const;
      return listOf(await client.ask(request, call)).map(toNodeDetails);
    },

    async setAvailability(id, availability, call = {}) {
      const inspect = { method: 'GET', path: ['nodes', id], action: 'inspect node', subject: id, codes } as const;
      const action = `set to ${availability} node`;
      await changeVersion({
        look: async () => membersOf(await client.ask(inspect, call)),
        versionOf: ({ Version }) => numberOf(membersOf(Version)['Index']),
        write: async ({ Spec, Version, ID }) => {
          const path = ['nodes', typeof ID === 'string' ? ID : id, 'update'];
          const query = { version: numberOf(membersOf(Version)['Index']) };
          const body = { ...membersOf(Spec), Availability: availability };
          await client.ask({ method: 'POST', path, query, body, action, subject: id, codes }, call);
        },
      });
    },
  };
}
