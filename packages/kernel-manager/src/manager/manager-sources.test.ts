import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { localProvisioner } from '@gateway-provisioners/provisioner-local';
import { specSource, testSpec } from '../testing/test-manager.ts';
import { openManagerSources } from './manager-sources.ts';

let temporaryDir = '';
const kernelspecs = specSource(testSpec());
const left = () => readdir(temporaryDir);

beforeEach(async () => {
  temporaryDir = await mkdtemp(join(tmpdir(), 'gp-sources-'));
});

afterEach(async () => {
  await rm(temporaryDir, { recursive: true, force: true });
});

it('makes a runtime folder, which stays as long as kernels may use it', async () => {
  for (const [kernels, folders] of [
    ['end', 0],
    ['keep', 1],
  ] as const) {
    const options = { provisioners: [localProvisioner], kernelspecs };
    const sources = await openManagerSources(options, { instanceId: 'mine', temporaryDir });
    expect(await left()).toEqual([expect.stringMatching(/^gateway-provisioners-/)]);
    await sources.release(kernels);
    expect(await left()).toHaveLength(folders);
  }
});

it('leaves no folder when the kernelspecs cannot be found', async () => {
  const env = {
    get JUPYTER_PATH(): string {
      throw new Error('no such variable');
    },
  };
  const opening = openManagerSources({ provisioners: [localProvisioner], env }, { instanceId: 'mine', temporaryDir });
  await expect(opening).rejects.toThrow('no such variable');
  expect(await left()).toEqual([]);
});

it('leaves no folder when a provisioner is refused', async () => {
  const provisioners = [localProvisioner, localProvisioner];
  const opening = openManagerSources({ provisioners, kernelspecs }, { instanceId: 'mine', temporaryDir });
  await expect(opening).rejects.toMatchObject({ code: 'PROVISIONER_DUPLICATE' });
  expect(await left()).toEqual([]);
});
