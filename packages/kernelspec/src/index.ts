/**
 * Finds, reads, watches, validates and writes Jupyter kernelspecs.
 * @module
 */
export type {
  Environment,
  KernelJson,
  KernelSpecDestination,
  KernelSpecListing,
  KernelSpecProblem,
  KernelSpecResource,
  KernelSpecs,
  KernelSpecsOptions,
  NativeKernelSpecs,
  WriteKernelSpecOptions,
} from './types.ts';
export { isKernelSpecName } from './kernelspec-name.ts';
export type { ParseKernelJsonOptions } from './kernel-json.ts';
export { parseKernelJson, toKernelJson } from './kernel-json.ts';
export { createKernelSpecs } from './kernel-specs.ts';
export type { DenoLookup, FindDenoOptions } from './native/deno-binary.ts';
export { findDenoBinary } from './native/deno-binary.ts';
export type { NativeKernelSpecsOptions } from './native/native-kernel-specs.ts';
export { denoKernelSpec, nativeKernelSpecs } from './native/native-kernel-specs.ts';
export { processProxyClasses, provisionerForProcessProxy } from './process-proxy.ts';
export type { PythonInstallation } from './python-installation.ts';
export { findPython } from './python-installation.ts';
export type { KernelSpecFolders, SearchPathOptions } from './search-path.ts';
export { kernelSpecFolders } from './search-path.ts';
export { destinationFolder } from './write.ts';
