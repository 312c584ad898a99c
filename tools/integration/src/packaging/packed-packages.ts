import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { workspaceFolder } from '../support/test-environment.ts';

const execute = promisify(execFile);

export interface RunAsStrangerOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds; default none. */
  readonly timeout?: number;
}

/** As a stranger would, without what npm tells the scripts that it runs here; a failure shows all that was printed. */
export async function runAsStranger(
  program: string,
  args: readonly string[],
  { env: more = {}, ...options }: RunAsStrangerOptions = {},
): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  try {
    return (await execute(program, args, { maxBuffer: 1 << 26, env: { ...env, ...more }, ...options })).stdout;
  } catch (error) {
    const printed = error instanceof Error && 'stderr' in error && 'stdout' in error ? error : undefined;
    throw new Error(`${String(error)}\n${String(printed?.stdout)}\n${String(printed?.stderr)}`, { cause: error });
  }
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface WorkspacePackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

async function publishedPackages(): Promise<readonly WorkspacePackage[]> {
  const found: WorkspacePackage[] = [];
  for (const group of ['packages', 'apps']) {
    for (const name of await readdir(join(workspaceFolder, group))) {
      const folder = join(workspaceFolder, group, name);
      const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
      if (manifest.private !== true) found.push({ folder, manifest });
    }
  }
  return found;
}

/**
 * Packs these packages and those of ours that their manifests name, as they were built; default: all. Returns the paths
 * of the tarballs.
 */
export async function packPackages(into: string, names?: readonly string[]): Promise<readonly string[]> {
  const all = await publishedPackages();
  const wanted = new Set(names ?? all.map(({ manifest }) => manifest.name));
  // A set is gone through with what is added meanwhile.
  for (const name of wanted) {
    const manifest = all.find((each) => each.manifest.name === name)?.manifest;
    if (manifest === undefined) throw new Error(`${name} is no package of the workspace that is published`);
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      if (all.some((each) => each.manifest.name === dependency)) wanted.add(dependency);
    }
  }
  const tarballs: string[] = [];
  for (const { folder, manifest } of all) {
    if (!wanted.has(manifest.name)) continue;
    const args = ['pack', '--json', '--pack-destination', into];
    const parsed: unknown = JSON.parse(await runAsStranger('npm', args, { cwd: folder }));
    tarballs.push(join(into, fileNameOf(parsed)));
  }
  return tarballs;
}

function fileNameOf(packed: unknown): string {
  // npm 11 prints an array; later versions an object keyed by package name.
  const entries: unknown[] = Array.isArray(packed) ? packed : Object.values(packed as Record<string, unknown>);
  const first = entries[0];
  if (typeof first === 'object' && first !== null && 'filename' in first && typeof first.filename === 'string') {
    return first.filename.replace(/^@/, '').replace('/', '-');
  }
  throw new Error(`npm pack printed something unexpected: ${JSON.stringify(packed)}`);
}
