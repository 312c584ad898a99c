import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

type Example = (load: (name: string) => Promise<unknown>, process: unknown, console: unknown) => Promise<void>;

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(example: string): Example {
  const body = example.replace(/^import (.*) from ('.*');$/gm, 'const $1 = await load($2);');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(constructor, ['load', 'process', 'console', body]) as Example;
}

it('runs the example of the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const home = await mkdtemp(join(tmpdir(), 'installer-readme-'));
  try {
    const printed: unknown[][] = [];
    const print = (...line: unknown[]) => printed.push(line);
    await compile(example)((name) => import(name), { env: { HOME: home } }, { log: print });
    expect(printed.map(([name]) => name)).toEqual(['docker_python', 'k8s_r_spark']);
    const installed = await readdir(join(home, '.local/share/jupyter/kernels'));
    expect(installed.sort()).toEqual(['docker_python', 'k8s_r_spark']);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
