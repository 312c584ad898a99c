import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pythonVersion, readText } from '../python-installation.ts';
import type { PythonInstallation } from '../python-installation.ts';
import type { Environment } from '../types.ts';

/** An ipykernel that a Python can import. */
export interface InstalledIpykernel {
  /** Undefined when it cannot be told. */
  readonly version: string | undefined;
  /** Its folder of logos; undefined for a development install. */
  readonly resourceDir: string | undefined;
}

/**
 * Looks for ipykernel where `python` would find it: `site-packages` of its prefix, Debian's `dist-packages` for
 * `/usr`, those of the base Python for a virtual environment that includes them, and the user's own. `PYTHONPATH` is
 * left out on purpose: kernels do not inherit it.
 */
export async function findIpykernel(
  python: PythonInstallation,
  env: Environment,
): Promise<InstalledIpykernel | undefined> {
  const version = await pythonVersion(python);
  if (version === undefined) return undefined;
  for (const folder of await siteFolders(python, version, env)) {
    const found = await lookIn(folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function siteFolders(python: PythonInstallation, version: string, env: Environment): Promise<string[]> {
  const own = siteFoldersOf(python.prefix, version);
  const config = python.virtual ? ((await readText(join(python.prefix, 'pyvenv.cfg'))) ?? '') : '';
  const isolated = python.virtual && !/^include-system-site-packages\s*=\s*true\s*$/im.test(config);
  if (isolated) return own;
  const home = /^home\s*=\s*(.+?)\s*$/m.exec(config)?.[1];
  const base = home === undefined ? [] : siteFoldersOf(dirname(home), version);
  return [...own, ...userSiteFolders(version, env), ...base];
}

function siteFoldersOf(prefix: string, version: string): string[] {
  const folders = ['lib', 'lib64'].map((lib) => join(prefix, lib, `python${version}`, 'site-packages'));
  if (prefix !== '/usr') return folders;
  return [`/usr/local/lib/python${version}/dist-packages`, '/usr/lib/python3/dist-packages', ...folders];
}

function userSiteFolders(version: string, env: Environment): string[] {
  if ((env['PYTHONNOUSERSITE'] ?? '') !== '') return [];
  const home = env['HOME'] ?? homedir();
  const base = env['PYTHONUSERBASE'];
  if (base !== undefined) return [join(base, 'lib', `python${version}`, 'site-packages')];
  return [
    join(home, '.local', 'lib', `python${version}`, 'site-packages'),
    join(home, 'Library', 'Python', version, 'lib', 'python', 'site-packages'),
  ];
}

async function lookIn(folder: string): Promise<InstalledIpykernel | undefined> {
  const entries = await readdir(folder).catch((): string[] => []);
  const version = entries.map((entry) => /^ipykernel-(\d[^-]*)\.(?:dist|egg)-info$/.exec(entry)?.[1]).find(Boolean);
  const packaged = entries.includes('ipykernel');
  const development =
    version !== undefined && entries.some((entry) => /^(_|__editable__).*ipykernel.*\.pth$/.test(entry));
  if (!packaged && !development) return undefined;
  const resources = join(folder, 'ipykernel', 'resources');
  const hasResources = await stat(resources).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return { version, resourceDir: hasResources ? resources : undefined };
}
