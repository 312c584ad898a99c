import type { KernelLanguage } from '../types.ts';

/** The version of Gateway Provisioners whose kernel images are the default, and whose launchers those images hold. */
const IMAGE_TAG = '0.5.0';

const plain: Readonly<Record<KernelLanguage, string>> = {
  Python: 'elyra/kernel-py',
  R: 'elyra/kernel-r',
  Scala: 'elyra/kernel-scala',
};

const withSpark: Readonly<Record<KernelLanguage, string>> = {
  Python: 'elyra/kernel-spark-py',
  R: 'elyra/kernel-spark-r',
  // The image for Scala brings Spark, because Toree needs it.
  Scala: 'elyra/kernel-scala',
};

/** The image that a kernelspec names when none is asked for. */
export function defaultImage(language: KernelLanguage, options: { readonly spark: boolean }): string {
  return `${(options.spark ? withSpark : plain)[language]}:${IMAGE_TAG}`;
}
