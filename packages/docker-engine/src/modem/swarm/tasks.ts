import { listOf } from '../../config/json-members.ts';
import { defined } from '../../container-body.ts';
import type { EngineTasks } from '../../swarm/engine-swarm.ts';
import type { EngineClient } from '../engine-client.ts';
import { readLog } from '../read-log.ts';
import { toTaskDetails } from './swarm-answers.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';

/** Tasks of the swarm that an engine manages, as they are when asked. */
export function tasksOf(client: EngineClient): Omit<EngineTasks, 'follow'> {
  return {
    async inspect(id, call = {}) {
      const request = { method: 'GET', path: ['tasks', id], action: 'inspect task', subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      return answer === undefined ? undefined : toTaskDetails(answer);
    },

    async list({ services, nodes, desiredStates, labels }, call = {}) {
      const filter = defined({ service: services, node: nodes, 'desired-state': desiredStates, label: labels });
      const query = { filters: JSON.stringify(filter) };
      const request = { method: 'GET', path: ['tasks'], query, action: 'list tasks', codes } as const;
      return listOf(await client.ask(request, call)).map(toTaskDetails);
    },

    async logs(id, { maxBytes }, call = {}) {
      const request = { path: ['tasks', id, 'logs'], action: 'read the log of task', subject: id, codes };
      return await readLog(client, { ...request, maxBytes }, call);
    },
  };
}
