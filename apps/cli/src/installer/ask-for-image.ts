import type { AskForImage } from '@gateway-provisioners/installer';
import type { Environment } from '@gateway-provisioners/kernelspec';

const ANSWER_MS = 5_000;

/** Asks the engine that the environment names, each image once. An engine that does not answer is not asked again. */
export function imagesOfEngine(env: Environment): { readonly ask: AskForImage } & AsyncDisposable {
  const asked = new Map<string, Promise<boolean | undefined>>();
  let isSilent = false;
  const opening = async () => {
    const { configFromEnv, openDockerEngine } = await import('@gateway-provisioners/docker-engine');
    return openDockerEngine(await configFromEnv(env, { timeoutMs: ANSWER_MS }));
  };
  let engine: ReturnType<typeof opening> | undefined;
  const inspect: AskForImage = async (image, { signal }) => {
    if (isSilent) return undefined;
    try {
      engine ??= opening();
      return (await (await engine).images.inspect(image, { signal })) !== undefined;
    } catch {
      // There may be no engine here: kernelspecs are also checked where no kernel will run.
      isSilent = true;
      return undefined;
    }
  };
  return {
    ask: async (image, options) => {
      const known = asked.get(image) ?? inspect(image, options);
      asked.set(image, known);
      return await known;
    },
    async [Symbol.asyncDispose]() {
      await (await engine?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
