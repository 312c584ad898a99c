import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expandTemplate } from './env-template.ts';
import { buildKernelEnv } from './kernel-env.ts';
import type { KernelEnvOptions } from './kernel-env.ts';
import { checkRequestEnv } from './request-env.ts';

const KERNEL_ID = '6a1ed7f8-3f34-4a5c-9cfa-6a8b34b5d3f0';
const OURS = { KERNEL_GATEWAY: '1', KERNEL_ID, KERNEL_LANGUAGE: 'python', KERNEL_USERNAME: 'alice' };

const build = (options: Partial<KernelEnvOptions>) =>
  buildKernelEnv({ kernelId: KERNEL_ID, language: 'Python', username: 'alice', hostEnv: {}, specEnv: {}, ...options });

describe('buildKernelEnv', () => {
  it('inherits what every program needs and what the operator lists, nothing else', () => {
    const hostEnv = {
      PATH: '/bin',
      HOME: '/home/a',
      LC_ALL: 'C',
      LC_TIME: 'de',
      SECRET: 's',
      AWS_SECRET_ACCESS_KEY: 'k',
      LISTED: 'l',
      UNSET: undefined,
    };
    expect(build({ hostEnv, inherited: ['LISTED', 'UNSET'] })).toEqual({
      ...OURS,
      PATH: '/bin',
      HOME: '/home/a',
      LC_ALL: 'C',
      LC_TIME: 'de',
      LISTED: 'l',
    });
  });

  it("prefers the kernelspec's to the usual ones of the host, and what the operator lists to the kernelspec's", () => {
    const hostEnv = { PATH: '/bin', LISTED: 'host', BOTH: 'host' };
    const specEnv = { PATH: '/spec', LISTED: 'spec', BOTH: 'spec' };
    const options = { hostEnv, specEnv, inherited: ['LISTED', 'BOTH'] };
    const env = build({ ...options, requestEnv: { BOTH: 'request' }, allowedRequestNames: ['BOTH'] });
    expect(env).toEqual({ ...OURS, PATH: '/spec', LISTED: 'host', BOTH: 'request' });
  });

  it("replaces names in the kernelspec's values from request and host, in one pass", () => {
    const env = build({
      hostEnv: { DATA: '/data', OTHER: 'host' },
      requestEnv: { KERNEL_X: '$DATA', OTHER: 'dropped' },
      specEnv: { A: '${DATA}/$KERNEL_X', B: '$OTHER', C: '${NONE:-x} $NONE $$DATA', D: '$KERNEL_ID/$KERNEL_USERNAME' },
    });
    expect(env).toMatchObject({ A: '/data/$DATA', B: 'host', C: '${NONE:-x} $NONE $DATA', D: `${KERNEL_ID}/alice` });
    expect(env).not.toHaveProperty('DATA');
  });

  it('lets the request win for KERNEL_* and allowed names, and drops the rest', () => {
    const request = { KERNEL_IMAGE: 'mine', MY_VAR: 'm', PATH: '/evil', LD_PRELOAD: 'x' };
    const specEnv = { KERNEL_IMAGE: 'default', MY_VAR: 'default' };
    expect(build({ requestEnv: request, specEnv, hostEnv: { PATH: '/bin' }, allowedRequestNames: ['MY_VAR'] })).toEqual(
      {
        ...OURS,
        KERNEL_IMAGE: 'mine',
        MY_VAR: 'm',
        PATH: '/bin',
      },
    );
    expect(build({ requestEnv: request, specEnv, allowedRequestNames: ['*'] })).toEqual({ ...OURS, ...request });
  });

  it('sets identity itself', () => {
    const forged = { KERNEL_GATEWAY: '0', KERNEL_ID: 'x', KERNEL_USERNAME: 'root', KERNEL_LANGUAGE: 'scala' };
    expect(build({ requestEnv: forged, specEnv: forged })).toEqual({ ...OURS, KERNEL_LANGUAGE: 'scala' });
  });

  it.each(['GP_AUTH_TOKEN', 'EG_AUTH_TOKEN', 'KG_AUTH_TOKEN', 'GP_REMOTE_PWD', 'EG_REMOTE_PWD'])(
    'never passes %s on, whoever asks',
    (name) => {
      const env = build({
        hostEnv: { [name]: 'hunter2' },
        inherited: [name],
        specEnv: { A: `\${${name}}`, [name]: 'spec' },
        requestEnv: { [name]: 'request' },
        allowedRequestNames: ['*', name],
      });
      expect(env).toEqual({ ...OURS, A: `\${${name}}` });
    },
  );

  it('treats names of the prototype as any other', () => {
    const requestEnv: Record<string, string> = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    const env = build({ requestEnv, specEnv: { A: '$toString' }, allowedRequestNames: ['*'] });
    expect(Object.getOwnPropertyDescriptor(env, '__proto__')?.value).toBe('p');
    expect(env['A']).toBe('$toString');
  });
});

describe('expandTemplate', () => {
  it.each([
    ['$a', '1'],
    ['${a}', '1'],
    ['$ab', '$ab'],
    ['${a}b', '1b'],
    ['$a-b', '1-b'],
    ['$$a', '$a'],
    ['$$$a', '$1'],
    ['$', '$'],
    ['${', '${'],
    ['${a', '${a'],
    ['$1', '$1'],
    ['${a:-x}', '${a:-x}'],
    ['$ä', '$ä'],
    ['$A', '$A'],
  ])('expands %j as Python does', (template, expected) => {
    expect(expandTemplate(template, (name) => (name === 'a' ? '1' : undefined))).toBe(expected);
  });

  it('puts any value in as it is', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(expandTemplate('<${a}$a>', () => value)).toBe(`<${value}${value}>`);
      }),
    );
  });

  it('leaves text alone that has no dollar', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll('$', '');
        expect(expandTemplate(plain, () => 'x')).toBe(plain);
      }),
    );
  });
});

describe('checkRequestEnv', () => {
  it('passes data of any kind', () => {
    const env = { KERNEL_A: '$(rm -rf /) `x` "\'\n\r;', _b1: '', C: 'ä€' };
    expect(checkRequestEnv(env)).toEqual(env);
    expect(checkRequestEnv({})).toEqual({});
  });

  it.each([
    ['no object', null, /must be an object/],
    ['a list', ['A'], /must be an object/],
    ['a text', 'A=1', /must be an object/],
    ['a number', { A: 1 }, /'A' must be a text/],
    ['nothing', { A: null }, /'A' must be a text/],
    ['NUL', { A: 'hunter2\0' }, /'A' contains a NUL/],
    ['a long value', { A: 'x'.repeat(4097) }, /'A' is longer than 4096/],
    ['an empty name', { '': 'x' }, /not a variable name/],
    ['a digit first', { '1A': 'x' }, /not a variable name/],
    ['an equals sign', { 'A=B': 'x' }, /not a variable name/],
    ['a shell function', { 'BASH_FUNC_x%%': 'x' }, /not a variable name/],
    ['a long name', { ['A'.repeat(257)]: 'x' }, /not a variable name/],
  ])('refuses %s', (_, env, message) => {
    expect(() => checkRequestEnv(env)).toThrow(
      expect.objectContaining({ code: 'INVALID_ENV', kind: 'invalid-input', message: expect.stringMatching(message) }),
    );
    expect(() => checkRequestEnv(env)).not.toThrow(/hunter2/);
  });

  it('bounds the whole', () => {
    const env = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`V${String(index)}`, 'x'.repeat(4000)]));
    expect(() => checkRequestEnv(env)).toThrow(/larger than 131072 bytes, reached at 'V32'/);
    expect(Object.keys(checkRequestEnv(env, { maxTotalBytes: 1_000_000 }))).toHaveLength(40);
    expect(() => checkRequestEnv({ A: 'xyz' }, { maxValueLength: 2 })).toThrow(/longer than 2/);
  });

  it('gives texts or an error for anything', () => {
    fc.assert(
      fc.property(fc.anything(), (env) => {
        let checked: Readonly<Record<string, string>> = {};
        try {
          checked = checkRequestEnv(env);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ENV' });
        }
        expect(Object.values(checked).every((value) => typeof value === 'string')).toBe(true);
      }),
    );
  });
});
