import { createKernelSpecs, nativeKernelSpecs } from '@gateway-provisioners/kernelspec';
import type { Environment, KernelSpecs } from '@gateway-provisioners/kernelspec';

/** The kernelspecs of this machine and the kernels that need none. */
export async function openLocalKernelSpecs(env: Environment): Promise<KernelSpecs> {
  const native = nativeKernelSpecs({ env, resolveDenoFrom: import.meta.url });
  // Reported by whoever asks for the kernels first.
  native.catch(() => undefined);
  return await createKernelSpecs({ env, native: () => native });
}
