import { ProvisionerError, isProvisionerError, openDeadline } from '@gateway-provisioners/core';
import { credentialsFor } from '../../config/registry-credentials.ts';
import { listOf, textsOf } from '../../config/json-members.ts';
import { defined } from '../../container-body.ts';
import type { EngineCall } from '../../engine-call.ts';
import type { EngineServices, EngineSwarmFiles } from '../../swarm/engine-swarm.ts';
import { serviceBody } from '../../swarm/service-body.ts';
import type { FileIds } from '../../swarm/service-body.ts';
import type { ServiceFile, ServiceSpec } from '../../swarm/service-spec.ts';
import type { EngineClient, EngineRequest } from '../engine-client.ts';
import { networksOf } from '../networks.ts';
import { readLog } from '../read-log.ts';
import { changeVersion } from './change-version.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';
import { toServiceDetails } from './swarm-answers.ts';
import { swarmFilesOf } from './swarm-files.ts';

/** Services of the swarm that an engine manages. */
export function servicesOf(client: EngineClient): EngineServices {
  const networks = networksOf(client);
  const files = { configs: swarmFilesOf(client, 'config'), secrets: swarmFilesOf(client, 'secret') };

  const write = async (
    request: Pick<EngineRequest, 'path' | 'query' | 'action'>,
    spec: ServiceSpec,
    { signal, timeoutMs = client.timeoutMs }: EngineCall,
  ): Promise<unknown> => {
    const { address, clock, config } = client;
    using scope = openDeadline({ what: `${request.action} ${spec.name}, at ${address}`, timeoutMs, signal, clock });
    const call = { signal: scope.signal, timeoutMs };
    const [credentials, configs, secrets] = await Promise.all([
      credentialsFor(spec.image, { ...config, clock, signal: scope.signal }),
      idsOf(files.configs, { kind: 'config', wanted: spec.configs ?? [], service: spec.name }, call),
      idsOf(files.secrets, { kind: 'secret', wanted: spec.secrets ?? [], service: spec.name }, call),
    ]);
    const ids: FileIds = { configs, secrets };
    const what = { ...request, method: 'POST', subject: spec.name, codes } as const;
    try {
      return await client.ask({ ...what, body: serviceBody(spec, ids), credentials }, call);
    } catch (error) {
      // A network that does not exist is answered with the status of a defect of the engine.
      if (!isProvisionerError(error, 'ENGINE_REFUSED')) throw error;
      for (const network of spec.networks ?? []) {
        const name = typeof network === 'string' ? network : network.name;
        if ((await networks.inspect(name, call)) === undefined) {
          throw missing({ kind: 'network', name, service: spec.name, cause: error });
        }
      }
      throw error;
    }
  };

  return {
    async create(spec, call = {}) {
      const request = { path: ['services', 'create'], action: 'create service' };
      return textsOf(await write(request, spec, call))['ID'] ?? spec.name;
    },

    async update(id, spec, call = {}) {
      const path = ['services', id];
      const inspect = { method: 'GET', path, action: 'inspect service', subject: id, codes } as const;
      await changeVersion({
        look: async () => toServiceDetails(await client.ask(inspect, call)),
        versionOf: ({ version }) => version,
        write: async ({ version }) => {
          await write({ path: [...path, 'update'], query: { version }, action: 'update service' }, spec, call);
        },
      });
    },

    async inspect(id, call = {}) {
      const path = ['services', id];
      const request = { method: 'GET', path, action: 'inspect service', subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      const found = answer === undefined ? undefined : toServiceDetails(answer);
      // The engine takes the beginning of an id as well.
      return found?.id === id || found?.name === id ? found : undefined;
    },

    async list({ labels, ids }, call = {}) {
      const query = { filters: JSON.stringify(defined({ label: labels, id: ids })) };
      const request = { method: 'GET', path: ['services'], query, action: 'list services', codes } as const;
      return listOf(await client.ask(request, call)).map(toServiceDetails);
    },

    async remove(id, call = {}) {
      const path = ['services', id];
      await client.askFor({ method: 'DELETE', path, action: 'remove service', subject: id, codes }, call);
    },

    async logs(id, { maxBytes }, call = {}) {
      const request = { path: ['services', id, 'logs'], action: 'read the log of service', subject: id, codes };
      return await readLog(client, { ...request, maxBytes }, call);
    },
  };
}

interface WantedFiles {
  readonly kind: 'config' | 'secret';
  readonly wanted: readonly ServiceFile[];
  readonly service: string;
}

/** A swarm wants the ids of what has names for everybody else. */
async function idsOf(
  files: EngineSwarmFiles,
  { kind, wanted, service }: WantedFiles,
  call: EngineCall,
): Promise<ReadonlyMap<string, string>> {
  const names = [...new Set(wanted.map(({ name }) => name))];
  const found = await Promise.all(
    names.map(async (name) => {
      const file = await files.inspect(name, call);
      if (file === undefined) throw missing({ kind, name, service, cause: undefined });
      return [name, file.id] as const;
    }),
  );
  return new Map(found);
}

function missing(what: {
  readonly kind: string;
  readonly name: string;
  readonly service: string;
  readonly cause: unknown;
}): ProvisionerError {
  const message = `could not create service ${what.service}: there is no ${what.kind} ${JSON.stringify(what.name)}`;
  return new ProvisionerError('ENGINE_RESOURCE_NOT_FOUND', message, { cause: what.cause });
}
