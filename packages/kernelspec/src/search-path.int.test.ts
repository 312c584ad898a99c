import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findPython } from './python-installation.ts';
import { createKernelSpecs } from './kernel-specs.ts';
import { nativeKernelSpecs } from './native/native-kernel-specs.ts';

const execute = promisify(execFile);

function python(): string {
  const path = process.env['GP_TEST_PYTHON'];
  if (path !== undefined) return path;
  throw new Error('GP_TEST_PYTHON is not set: run `eval "$(tools/testbeds/python.sh env)"` first');
}

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'kernelspec-int-'));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('compared with jupyter', () => {
  it.each<Record<string, string>>([
    {},
    { JUPYTER_PATH: '/one:/two' },
    { JUPYTER_PREFER_ENV_PATH: '0' },
    { JUPYTER_DATA_DIR: '/data', XDG_DATA_HOME: '/xdg' },
    { XDG_DATA_HOME: '/xdg', JUPYTER_PREFER_ENV_PATH: '1' },
  ])('searches the same folders with %j', async (more) => {
    const env = { HOME: home, PATH: `${dirname(python())}:/usr/bin:/bin`, ...more };
    const script =
      'import json; from jupyter_client.kernelspec import KernelSpecManager as K; print(json.dumps(K().kernel_dirs))';
    const { stdout } = await execute(python(), ['-c', script], { env });
    await using specs = await createKernelSpecs({ env });
    // Jupyter leaves IPython's folder out when it does not exist.
    const own = specs.searchPath.filter((folder) => !folder.includes('.ipython'));
    const theirs = (JSON.parse(stdout) as readonly string[]).filter((folder) => !folder.includes('.ipython'));
    expect(own).toEqual(theirs);
  });

  it('finds the same Python', async () => {
    const env = { HOME: home, PATH: `${dirname(python())}:/usr/bin:/bin` };
    const { stdout } = await execute('python3', ['-c', 'import sys; print(sys.prefix)'], { env });
    expect((await findPython(env))?.prefix).toBe(stdout.trim());
  });

  it('offers python3 as ipykernel describes it', async () => {
    const env = { HOME: home, PATH: `${dirname(python())}:/usr/bin:/bin` };
    const script = 'import json; from ipykernel.kernelspec import get_kernel_dict as g; print(json.dumps(g()))';
    const { stdout } = await execute(python(), ['-c', script], { env });
    const theirs = JSON.parse(stdout) as { readonly argv: readonly string[]; readonly metadata: object };
    const [spec] = (await nativeKernelSpecs({ env })).specs;
    expect(spec?.argv.slice(1)).toEqual(theirs.argv.slice(1));
    expect(spec?.metadata).toEqual(theirs.metadata);
  });
});
