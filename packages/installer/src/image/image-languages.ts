import { listenerModules } from '../variants/launcher-files.ts';

/** Languages that a kernel image can be prepared for. */
export const imageLanguages = ['python', 'r', 'scala', 'node'] as const;

export type ImageLanguage = (typeof imageLanguages)[number];

/** One file of `kernel-launchers`, by where the package of launchers has it. */
export interface LauncherSource {
  /** Below `kernel-launchers`; the last part may hold one `*`. */
  readonly path: string;
  readonly source: string;
  readonly executable?: boolean;
  /** What is said when it is not there. */
  readonly hint?: string;
}

const LISTENER = ['server_listener', ...listenerModules];
const listener = (folder: string): readonly LauncherSource[] =>
  LISTENER.map((name) => ({ path: `${folder}/${name}.py`, source: `python/scripts/${name}.py` }));

/** What each language needs, laid out as in the images of Gateway Provisioners. */
export const languageFiles: Readonly<Record<ImageLanguage, readonly LauncherSource[]>> = {
  python: [
    {
      path: 'python/scripts/launch_ipykernel.py',
      source: 'python/scripts/launch_ipykernel.py',
      executable: true,
    },
    ...listener('python/scripts'),
  ],
  r: [
    { path: 'R/scripts/launch_IRkernel.R', source: 'R/scripts/launch_IRkernel.R', executable: true },
    { path: 'R/scripts/gateway_listener.R', source: 'R/scripts/gateway_listener.R' },
    ...listener('R/scripts'),
  ],
  scala: [{ path: 'scala/lib/toree-launcher*.jar', source: 'scala/lib/toree-launcher*.jar' }],
  node: [{ path: 'node/launch_kernel.mjs', source: 'node/launch_kernel.mjs', executable: true }],
};

const aliases: Readonly<Record<string, ImageLanguage>> = { javascript: 'node', typescript: 'node' };

/** A language by any of its names, in any case; undefined for others. */
export function parseImageLanguage(text: string): ImageLanguage | undefined {
  const name = text.trim().toLowerCase();
  return imageLanguages.find((language) => language === name) ?? aliases[name];
}
