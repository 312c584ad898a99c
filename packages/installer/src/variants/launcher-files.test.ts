import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { launchersDir } from '@gateway-provisioners/launchers';
import { listenerModules } from './launcher-files.ts';

it('names all that the Python launcher consists of', async () => {
  const files = await readdir(join(launchersDir, 'python/scripts'));
  const modules = files.filter((name) => name.endsWith('.py')).map((name) => name.slice(0, -'.py'.length));
  expect(modules.sort()).toEqual(['launch_ipykernel', 'server_listener', ...listenerModules].sort());
});
