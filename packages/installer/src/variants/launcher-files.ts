import type { KernelLanguage, LauncherFile } from '../types.ts';

/** Of Apache Toree; not ours to ship. */
export const TOREE_ASSEMBLY = 'lib/toree-assembly-*.jar';

const LISTENER: LauncherFile = {
  path: 'scripts/server_listener.py',
  sources: ['python/scripts/server_listener.py', 'shared/scripts/server_listener.py'],
  optional: false,
};

/** Parts of our listener; that of Gateway Provisioners' launchers has none. */
export const listenerModules: readonly string[] = [
  'gateway_crypto',
  'gateway_protocol',
  'kernel_process',
  'launch_options',
];

const LISTENER_MODULES: readonly LauncherFile[] = listenerModules.map((name) => ({
  path: `scripts/${name}.py`,
  sources: [`python/scripts/${name}.py`],
  optional: true,
}));

const launchers: Readonly<Record<KernelLanguage, readonly LauncherFile[]>> = {
  Python: [
    { path: 'scripts/launch_ipykernel.py', sources: ['python/scripts/launch_ipykernel.py'], optional: false },
    LISTENER,
    ...LISTENER_MODULES,
  ],
  R: [
    { path: 'scripts/launch_IRkernel.R', sources: ['R/scripts/launch_IRkernel.R'], optional: false },
    { path: 'scripts/gateway_listener.R', sources: ['R/scripts/gateway_listener.R'], optional: true },
    {
      ...LISTENER,
      sources: [
        'R/scripts/server_listener.py',
        'shared/scripts/server_listener.py',
        'python/scripts/server_listener.py',
      ],
    },
    ...LISTENER_MODULES,
  ],
  Scala: [
    { path: 'lib/toree-launcher*.jar', sources: ['scala/lib'], optional: false },
    { path: TOREE_ASSEMBLY, sources: ['scala/lib'], optional: false },
  ],
};

/** The launcher that runs the kernel itself, for backends that run the kernelspec's own files. */
export function languageLauncher(language: KernelLanguage): readonly LauncherFile[] {
  return launchers[language];
}

/** A script that asks a container engine for the kernel; this gateway does that itself. */
export function containerLauncher(
  folder: 'docker' | 'kubernetes' | 'operators',
  names: readonly string[],
): LauncherFile[] {
  return names.map((name) => ({
    path: `scripts/${name}`,
    sources: [`${folder}/scripts/${name}`],
    optional: true,
  }));
}
