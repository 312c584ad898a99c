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
