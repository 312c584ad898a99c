import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { launchersDir } from './launcher-paths.ts';

const read = async (path: string): Promise<string> => await readFile(join(launchersDir, path), 'utf8');

test.each([
  ['python/scripts/gateway_protocol.py', /^LAUNCHER = "launch_ipykernel\/(?<version>.*)"$/m],
  ['scala/src/launcher/ToreeLauncher.java', /^ *static final String VERSION = "(?<version>.*)";$/m],
])('the version in %s is that of the package', async (path, pattern) => {
  const { version } = JSON.parse(await read('package.json')) as { readonly version: string };
  expect(pattern.exec(await read(path))?.groups?.['version']).toBe(version);
});
