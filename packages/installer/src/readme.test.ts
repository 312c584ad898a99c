import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';

it('runs the example of the README', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url));
  const home = await mkdtemp(join(tmpdir(), 'installer-readme-'));
  try {
    const printed: unknown[][] = [];
    const print = (...line: unknown[]) => printed.push(line);
    await example.run({
      load: (name) => import(name),
      process: { env: { HOME: home } },
      console: { log: print },
    });
    expect(printed.map(([name]) => name)).toEqual(['docker_python', 'k8s_r_spark']);
    const installed = await readdir(join(home, '.local/share/jupyter/kernels'));
    expect(installed.sort()).toEqual(['docker_python', 'k8s_r_spark']);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
