import { describe, expect, it, test } from '@jest/globals';
import { fakeKernelSpec, provisionerConformance } from '@gateway-provisioners/testkit';
import definition from './index.ts';
import { helloConfigSchema } from './hello-config.ts';

const kernelSpec = fakeKernelSpec({ provisionerName: definition.name });
const env = { PATH: '/usr/bin:/bin', HOME: '/tmp' };

describe('hello-provisioner keeps the contract', () => {
  for (const { name, run } of provisionerConformance({ definition, kernelSpec, env })) test(name, run);
});

describe('settings of hello-provisioner', () => {
  const validate = (value: unknown) => helloConfigSchema['~standard'].validate(value);

  it('have defaults and refuse what they do not know', () => {
    expect(validate({})).toEqual({ value: { greeting: 'hello' } });
    expect(validate({ greeting: 'hi' })).toEqual({ value: { greeting: 'hi' } });
    expect(validate({ greeting: 1, colour: 'red' })).toEqual({
      issues: [
        { path: ['colour'], message: 'no such setting' },
        { path: ['greeting'], message: 'expected text' },
      ],
    });
  });
});
