import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { StateFiles } from './state-files.ts';

it('keeps the last state of each kernel, for this user alone, until it is forgotten', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gp-states-'));
  try {
    const files = new StateFiles(dir, 'docker');
    const owner = { instanceId: 'gw', kernelId: '../k', incarnation: 2 };
    expect(await files.load(owner)).toBeUndefined();
    await files.save(owner, { step: 1 });
    await files.save(owner, { step: 2 });
    expect(await files.load(owner)).toEqual({ step: 2 });
    expect(await files.load({ ...owner, incarnation: 1 })).toBeUndefined();
    const [name = ''] = await readdir(join(dir, 'docker'));
    expect((await stat(join(dir, 'docker', name))).mode & 0o777).toBe(0o600);
    await writeFile(join(dir, 'docker', name), '[1');
    expect(await files.load(owner)).toBeUndefined();
    await files.forget(owner);
    await files.forget(owner);
    expect(await readdir(join(dir, 'docker'))).toEqual([]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
