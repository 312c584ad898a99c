import {
  delay,
  errorMessage,
  formatOwner,
  openDeadline,
  raceSignal,
  throwIfAborted,
  withDeadline,
} from '@gateway-provisioners/core';
import type { Clock, LaunchContext, LauncherParameters, Logger, ResourceOwner } from '@gateway-provisioners/core';
import type { CreateOptions } from '@gateway-provisioners/core/remote';
import type { ContainerDetails, ContainerFile, DockerEngine } from '@gateway-provisioners/docker-engine';
import { OWNER_LABEL, assertReachable, chooseImage } from '@gateway-provisioners/docker-engine/kernels';
import type { DockerConfig } from '../settings/docker-settings.ts';
import { containerRequest } from './container-request.ts';
import type { Publication } from './published-ports.ts';

/** Bound of what must not be aborted, because the engine may do it all the same. */
const CREATE_MS = 60_000;
const CLEAN_UP_MS = 30_000;
/** A folder of its own, so that the launcher may delete the file in it. */
const SECRET_FOLDER = '/.gateway-provisioners';

export interface StartOptions {
  readonly engine: DockerEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: LaunchContext;
  readonly config: DockerConfig;
  readonly parameters: LauncherParameters;
  readonly create: CreateOptions;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly publication: Publication | undefined;
}

/** Creates and starts the container, and takes it over. Whatever fails, it is removed before this rejects. */
export async function startContainer<T>(options: StartOptions, takeOver: (details: ContainerDetails) => T): Promise<T> {
  const { engine, clock, context, config, parameters, create } = options;
  const { signal, progress } = create;
  throwIfAborted(signal);
  const image = chooseImage(context, config, options.logger);
  assertReachable(parameters.public.responseAddress, config.docker_network ?? 'bridge');
  const { spec, user } = containerRequest({ ...options, image });
  const secret = secretOf(options, user);
  const env = { ...spec.env, ...secret.env };
  await provideImage(options, image);

  // The name is enough to find it: known before there is anything.
  await create.checkpoint({ name: spec.name });
  throwIfAborted(signal);
  progress({ phase: 'starting', message: `creating container ${spec.name}` });
  // Not aborted: the engine may create it after we have gone.
  const creating = engine.containers.create({ ...spec, env }, { timeoutMs: CREATE_MS });
  try {
    const id = await raceSignal(creating, signal);
    if (secret.files.length > 0) await engine.containers.putFiles(id, secret.files, { signal });
    await engine.containers.start(id, { signal });
    return takeOver(await untilAddressed(options, id));
  } catch (error) {
    await withDeadline({ what: `remove ${spec.name}`, timeoutMs: CLEAN_UP_MS, clock }, async (scope) => {
      await raceSignal(creating, scope.signal).catch(() => undefined);
      await removeOwned(engine, spec.name, { owner: context, signal: scope.signal });
    }).catch((failure: unknown) => {
      // What is left carries our label, and is removed by the next reconciliation.
      options.logger.warn('the container of a failed launch could not be removed', {
        container: spec.name,
        error: errorMessage(failure),
      });
    });
    throw error;
  }
}

/** Removes a container by name or id when it is that owner's; what is gone, or is another's by the same name, is not ours. */
export async function removeOwned(
  engine: DockerEngine,
  container: string,
  { owner, signal }: { readonly owner: ResourceOwner; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const details = await engine.containers.inspect(container, { signal });
  if (details?.labels[OWNER_LABEL] !== formatOwner(owner)) return;
  await engine.containers.remove(details.id, { signal });
}

async function provideImage({ engine, config, create }: StartOptions, image: string): Promise<void> {
  const { signal, progress } = create;
  const policy = config.image_pull_policy ?? 'missing';
  // For `never` the engine itself says that it is missing, when it is asked to create the container.
  if (policy === 'never') return;
  if (policy === 'missing' && (await engine.images.inspect(image, { signal })) !== undefined) return;
  progress({ phase: 'pulling', message: `pulling ${image}` });
  await engine.images.pull(image, {
    signal,
    progress: ({ message, fraction }) => {
      progress({ phase: 'pulling', message, fraction });
    },
  });
}

interface DeliveredSecret {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly ContainerFile[];
}

/**
 * Version 2's key and token travel in a file that only the kernel's user can read: environments are shown by `docker
 * inspect`. Into a root that is read-only no file can be put; there it is a variable.
 */
function secretOf(
  { parameters, config }: StartOptions,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): DeliveredSecret {
  const { launcherV2: content } = parameters.secret;
  if (content === '') return { env: {}, files: [] };
  if (config.read_only_root === true) return { env: { GP_LAUNCHER_V2: content }, files: [] };
  const path = `${SECRET_FOLDER}/launcher-v2`;
  return {
    env: { GP_LAUNCHER_V2: path },
    files: [
      { path: `${SECRET_FOLDER}/`, content: '', mode: 0o700, uid, gid },
      { path, content, mode: 0o600, uid, gid },
    ],
  };
}

/** A container that has been started has its address at once, or has ended already. */
async function untilAddressed({ engine, clock, create }: StartOptions, id: string): Promise<ContainerDetails> {
  using scope = openDeadline({ what: `address of ${id}`, timeoutMs: 10_000, signal: create.signal, clock });
  for (;;) {
    const details = await engine.containers.inspect(id, { signal: scope.signal });
    if (details === undefined) throw new Error('the container was removed by somebody else');
    const { networkMode, networks, state } = details;
    const isAddressed = networkMode === 'host' || networkMode === 'none' || Object.values(networks).some(hasAddress);
    if (isAddressed || state.status !== 'running') return details;
    await delay(50, { signal: scope.signal, clock });
  }
}

function hasAddress(network: ContainerDetails['networks'][string]): boolean {
  return network.ipAddress !== '' || network.globalIPv6Address !== '';
}
