import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { cliProgram } from '../support/gateway-under-test.ts';
import { runProgram } from '../support/run-program.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';

test('kernelspecs validate says which images the engine does not have', async () => {
  const dockerHost = process.env['DOCKER_HOST'];
  if (dockerHost === undefined) throw new Error('DOCKER_HOST is not set: run tools/testbeds/docker.sh env first');
  await using scratch = await createScratchFolder();
  for (const [name, image] of [
    ['present', 'gp-test/kernel-py'],
    ['absent', 'gp-test/no-such-image:1'],
  ] as const) {
    const metadata = {
      kernel_provisioner: { provisioner_name: 'docker-provisioner', config: { image_name: image } },
    };
    await mkdir(join(scratch.path, name));
    const kernelJson = { argv: [], display_name: name, language: 'python', metadata };
    await writeFile(join(scratch.path, name, 'kernel.json'), JSON.stringify(kernelJson));
  }
  const { exitCode, stdout } = await runProgram({
    command: [process.execPath, cliProgram(), 'kernelspecs', 'validate', '--json', scratch.path],
    cwd: scratch.path,
    env: { HOME: scratch.path, DOCKER_HOST: dockerHost },
    timeoutMs: 60_000,
  });
  const { kernelspecs } = JSON.parse(stdout) as {
    kernelspecs: { name: string; findings: { where: string; message: string }[] }[];
  };
  const images = kernelspecs.map(({ name, findings }) => [
    name,
    findings.filter(({ where }) => where.endsWith('image_name')).map(({ message }) => message),
  ]);
  expect(images).toEqual([
    ['absent', [expect.stringContaining('gp-test/no-such-image:1')]],
    ['present', []],
  ]);
  expect(exitCode).toBe(0);
});
