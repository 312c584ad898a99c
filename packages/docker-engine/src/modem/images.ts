import { ProvisionerError, isProvisionerError, withDeadline } from '@gateway-provisioners/core';
import { membersOf } from '../config/json-members.ts';
import { credentialsFor } from '../config/registry-credentials.ts';
import type { EngineCall } from '../engine-call.ts';
import type { EngineImages, ImageDetails, PullProgress } from '../engine.ts';
import { imageReference } from '../image-reference.ts';
import { readJsonLines } from '../json-lines.ts';
import { PullTracker } from '../pull-progress.ts';
import { toImageDetails } from './answers.ts';
import type { EngineClient } from './engine-client.ts';

/** Images of an engine. */
export function imagesOf(client: EngineClient): EngineImages {
  return {
    inspect: (image, call = {}) => inspectImage(client, image, call),
    async pull(image, { signal, timeoutMs = Infinity, progress } = {}) {
      const bound = { what: `pull ${image}`, timeoutMs, signal, clock: client.clock };
      await withDeadline(bound, async (scope) => {
        await pull(client, image, { signal: scope.signal, progress });
      });
    },
  };
}

export async function inspectImage(
  client: EngineClient,
  image: string,
  call: EngineCall,
): Promise<ImageDetails | undefined> {
  // The slashes of a name stand unescaped in the path.
  const path = ['images', ...image.split('/'), 'json'];
  const answer = await client.askFor({ method: 'GET', path, action: 'inspect image', subject: image }, call);
  return answer === undefined ? undefined : toImageDetails(answer);
}

interface PullOptions {
  readonly signal: AbortSignal;
  readonly progress: ((progress: PullProgress) => void) | undefined;
}

async function pull(client: EngineClient, image: string, { signal, progress }: PullOptions): Promise<void> {
  const { clock, config } = client;
  const credentials = await credentialsFor(image, { ...config, clock, signal });
  const query = imageReference(image);
  const what = { action: 'pull', subject: image };
  try {
    const stream = await client.stream(
      { method: 'POST', path: ['images', 'create'], query: { ...query }, credentials, ...what },
      signal,
    );
    const tracker = new PullTracker(image);
    for await (const line of readJsonLines(stream)) {
      const { error, ...status } = membersOf(line);
      // The status of the answer was 200 long ago: what goes wrong now is told in words only.
      if (typeof error === 'string')
        throw new ProvisionerError('IMAGE_PULL_FAILED', `could not pull ${image}: ${error}`);
      const update = tracker.update(status);
      if (update !== undefined) progress?.(update);
    }
  } catch (error) {
    if (!isProvisionerError(error, 'ENGINE_REFUSED')) throw error;
    const code = error.coordinates['status'] === 404 ? 'IMAGE_NOT_FOUND' : 'IMAGE_PULL_FAILED';
    throw new ProvisionerError(code, error.message, { cause: error });
  }
}
