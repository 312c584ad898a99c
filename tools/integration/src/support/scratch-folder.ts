import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export interface ScratchFolder extends AsyncDisposable {
  readonly path: string;
  /** Creates a folder inside, if need be, and returns its path. */
  folder(name: string): Promise<string>;
  /** A whole environment for a child: HOME, TMPDIR and all Jupyter folders are in here, nothing else is inherited. */
  environment(options?: ScratchEnvironmentOptions): Promise<Record<string, string>>;
}

export interface ScratchEnvironmentOptions {
  /** Interpreter whose `bin` comes first on PATH and whose kernelspecs are found. */
  readonly python?: string | undefined;
  readonly extra?: Readonly<Record<string, string>> | undefined;
}

/** A new folder that is removed, with all that is in it, on disposal. Its path marks the processes started with it. */
export async function createScratchFolder(): Promise<ScratchFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'gp-it-')));
  const folder = async (name: string): Promise<string> => {
    const target = join(path, name);
    await mkdir(target, { recursive: true });
    return target;
  };
  return {
    path,
    folder,
    async environment(options = {}) {
      const searchPath = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)];
      const environment: Record<string, string> = {
        HOME: await folder('home'),
        TMPDIR: await folder('tmp'),
        JUPYTER_CONFIG_DIR: await folder('jupyter-config'),
        JUPYTER_DATA_DIR: await folder('jupyter-data'),
        JUPYTER_RUNTIME_DIR: await folder('jupyter-runtime'),
        IPYTHONDIR: await folder('ipython'),
        LANG: process.env['LANG'] ?? 'C.UTF-8',
        // Neither colours nor buffering: what is printed is read by programs.
        NO_COLOR: '1',
        PYTHONUNBUFFERED: '1',
      };
      if (options.python !== undefined) {
        const bin = dirname(options.python);
        searchPath.unshift(bin);
        environment['VIRTUAL_ENV'] = dirname(bin);
        environment['JUPYTER_PATH'] = join(dirname(bin), 'share', 'jupyter');
      }
      environment['PATH'] = searchPath.join(delimiter);
      return { ...environment, ...options.extra };
    },
    async [Symbol.asyncDispose]() {
      // A process that was just killed may still be writing its last file.
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
