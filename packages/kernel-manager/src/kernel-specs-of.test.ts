import { expect, test } from '@jest/globals';
import { kernelSpecsOf } from './kernel-specs-of.ts';

test('kernelspecs made in code are found in any case, the first by default', async () => {
  const config = { image_name: 'kernel-py' };
  const specs = kernelSpecsOf({
    Python: { provisioner: 'docker-provisioner', language: 'python', config },
    deno: { provisioner: 'local-provisioner', argv: ['deno'], displayName: 'Deno' },
  });
  expect(await specs.defaultName()).toBe('python');
  expect(await specs.find('PYTHON')).toEqual({
    name: 'python',
    argv: [],
    env: {},
    displayName: 'python',
    language: 'python',
    interruptMode: 'signal',
    metadata: {},
    extra: {},
    provisioner: { provisionerName: 'docker-provisioner', config },
  });
  expect((await specs.list()).specs.map(({ displayName }) => displayName)).toEqual(['python', 'Deno']);
  await expect(specs.find('pyhton')).rejects.toMatchObject({
    code: 'KERNELSPEC_NOT_FOUND',
    message: 'there is no kernelspec "pyhton"; did you mean "python"?',
  });
  await expect(kernelSpecsOf({}).defaultName()).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
});
