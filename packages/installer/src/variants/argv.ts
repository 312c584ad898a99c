import type { SparkInitMode } from '../types.ts';

/** The pieces that command lines of launchers are made of. Names in braces are filled in when a kernel starts. */
export const argv = {
  kernelId: ['--kernel-id', '{kernel_id}'],
  portRange: ['--port-range', '{port_range}'],
  responseAddress: ['--response-address', '{response_address}'],
  publicKey: ['--public-key', '{public_key}'],
  encryption: ['--transport-encryption', '{transport_encryption}'],
  dask: ['--cluster-type', 'dask'],
  sparkInitMode: (mode: SparkInitMode): readonly string[] => ['--spark-context-initialization-mode', mode],
  kernelClass: (name: string): readonly string[] => ['--kernel-class-name', name],
} as const;
