/**
 * Kernelspecs for remote kernels: rendered as data, installed whole or not at all, and checked. And what kernel images
 * need: launchers and the script that starts them.
 * @module
 */
export type { SpecFiles } from './assets.ts';
export type { ImageLanguage } from './image/image-languages.ts';
export { imageLanguages, parseImageLanguage } from './image/image-languages.ts';
export type { ImageListing, InstalledFile } from './image/image-record.ts';
export { listImageBootstrap } from './image/image-record.ts';
export { installImageBootstrap, removeImageBootstrap } from './image/install-image.ts';
export type { ImageFile, ImagePlan, PlanImageOptions } from './image/plan-image.ts';
export { DEFAULT_IMAGE_FOLDER, planImageBootstrap } from './image/plan-image.ts';
export type { InstallOptions, InstallPlan, PlanOptions, PlannedKernelSpec } from './install.ts';
export { installKernelSpecs, planKernelSpecs } from './install.ts';
export { renderKernelSpec } from './render.ts';
export type { RunScript } from './run-script/run-script.ts';
export type { SpecOptionRow } from './settings/describe-spec-options.ts';
export { specOptionRows } from './settings/describe-spec-options.ts';
export type { ResolvedSpecOptions } from './settings/resolve-spec-options.ts';
export { resolveSpecOptions } from './settings/resolve-spec-options.ts';
export type {
  CommonSpecOptions,
  DockerSpecOptions,
  KernelLanguage,
  KubernetesSpecOptions,
  LauncherFile,
  RenderedKernelSpec,
  SparkInitMode,
  SparkSpecOptions,
  SpecBackend,
  SpecOptions,
  SshSpecOptions,
  YarnSpecOptions,
} from './types.ts';
export type {
  CheckOptions,
  CheckedKernelSpec,
  KernelSpecFinding,
  KernelSpecReport,
} from './validate/check-kernel-specs.ts';
export type { AskForImage } from './validate/check-image.ts';
export { checkKernelSpecs } from './validate/check-kernel-specs.ts';
