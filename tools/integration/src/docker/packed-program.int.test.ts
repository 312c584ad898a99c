import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';
import { packPackages, runAsStranger } from '../packaging/packed-packages.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { workspaceFolder } from '../support/test-environment.ts';
import { testbedVariable } from './container-kernels.ts';

const packages = ['@gateway-provisioners/kernel-manager', '@gateway-provisioners/provisioner-docker'];

test('ten lines and two packages, installed by npm, run a cell in a container', async () => {
  const env = {
    DOCKER_HOST: testbedVariable('DOCKER_HOST'),
    GP_RESPONSE_IP: testbedVariable('GP_TEST_DOCKER_GATEWAY'),
  };
  // The README's own lines.
  const { text } = await readmeExample(new URL(`file://${workspaceFolder}/packages/provisioner-docker/README.md`));
  expect(text.split('\n').filter((line) => line.trim() !== '')).toHaveLength(10);

  await using scratch = await createScratchFolder();
  const tarballs = await packPackages(await scratch.folder('tarballs'), packages);
  const folder = await scratch.folder('stranger');
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  await runAsStranger('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder });
  const installed = await readdir(join(folder, 'node_modules', '@gateway-provisioners'));
  // What the two need of ours and nothing else: no other provisioner, no gateway.
  expect(installed.sort()).toEqual([
    ...['core', 'docker-engine', 'kernel-manager', 'kernelspec', 'launcher-protocol', 'provisioner-docker', 'wire'],
  ]);
  await writeFile(join(folder, 'program.js'), text);
  const printed = await runAsStranger(process.execPath, ['program.js'], { cwd: folder, env, timeout: 120_000 });
  expect(printed).toBe('hello from gp-test/kernel-py\n');
}, 300_000);
