import { defineSettings, listSetting, resolveSettings } from '@gateway-provisioners/core';
import { createKernelSpecs, nativeKernelSpecs } from '@gateway-provisioners/kernelspec';
import type { Environment, KernelSpecs } from '@gateway-provisioners/kernelspec';

/** The gateway's setting of that name; its own module would load the server. */
const settings = defineSettings({
  kernelspec_path: {
    schema: listSetting(),
    default: [],
    env: ['GP_KERNELSPEC_PATH'],
    description: "Folders that hold kernelspec folders, instead of Jupyter's search path.",
  },
});

/** Where a gateway with this environment looks for kernelspecs; undefined: Jupyter's search path. */
export function configuredSearchPath(env: Environment): readonly string[] | undefined {
  const { kernelspec_path: searchPath } = resolveSettings(settings, { env }).values;
  return searchPath.length > 0 ? searchPath : undefined;
}

/** The kernelspecs that a gateway with this environment would find, and the kernels that need none. */
export async function openLocalKernelSpecs(env: Environment): Promise<KernelSpecs> {
  const searchPath = configuredSearchPath(env);
  const native = nativeKernelSpecs({ env, resolveDenoFrom: import.meta.url });
  // Reported by whoever asks for the kernels first.
  native.catch(() => undefined);
  return await createKernelSpecs({ env, native: () => native, searchPath });
}
