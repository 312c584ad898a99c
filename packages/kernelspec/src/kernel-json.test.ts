import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '@gateway-provisioners/core';
import { isProvisionerError } from '@gateway-provisioners/core';
import fc from 'fast-check';
import { parseKernelJson, toKernelJson } from './kernel-json.ts';
import { enterpriseGatewaySpecs, gatewayProvisionersSpecs } from './testing/shipped-specs.ts';

const minimal = { argv: ['python', '-m', 'ipykernel_launcher', '-f', '{connection_file}'], display_name: 'Python' };

const parse = (value: JsonObject | string, name = 'Spec') => parseKernelJson(value, { name, path: '/k/kernel.json' });

function refusal(value: JsonObject | string): string {
  try {
    parse(value);
  } catch (error) {
    if (isProvisionerError(error, 'KERNELSPEC_INVALID')) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseKernelJson', () => {
  it('fills in what the file leaves out', () => {
    expect(parse({ argv: ['x'] })).toEqual({
      name: 'spec',
      argv: ['x'],
      env: {},
      displayName: 'Spec',
      language: '',
      interruptMode: 'signal',
      metadata: {},
      extra: {},
      provisioner: { provisionerName: 'local-provisioner', config: {} },
    });
  });

  it('keeps unknown keys and gives REST its seven', () => {
    const spec = parse({ ...minimal, codemirror_mode: { name: 'x' }, kernel_protocol_version: '5.5' });
    expect(spec.extra).toEqual({ codemirror_mode: { name: 'x' } });
    expect(toKernelJson(spec)).toEqual({
      argv: minimal.argv,
      env: {},
      display_name: 'Python',
      language: '',
      interrupt_mode: 'signal',
      metadata: {},
      kernel_protocol_version: '5.5',
    });
  });

  it('takes what is already parsed, and keeps where it was found', () => {
    const found = { name: 'Spec', resourceDir: '/k', defaultProvisioner: 'docker-provisioner' };
    expect(parseKernelJson({ metadata: { kernel_provisioner: {} } }, found)).toMatchObject({
      resourceDir: '/k',
      argv: [],
      provisioner: { provisionerName: 'docker-provisioner', config: {} },
    });
    expect(() => parseKernelJson([] as unknown as JsonObject, { name: 'Spec' })).toThrow(
      'kernelspec "Spec": must hold a JSON object',
    );
  });

  it.each([
    [{ process_proxy: {} }, 'local-provisioner'],
    [{ process_proxy: { config: { a: 1 } } }, 'local-provisioner'],
    [{ process_proxy: { class_name: 'some.where.DockerProcessProxy' } }, 'docker-provisioner'],
    [{ kernel_provisioner: { provisioner_name: 'x' }, process_proxy: { class_name: 'no.such.Proxy' } }, 'x'],
    [{ kernel_provisioner: { config: { a: 1 } } }, 'local-provisioner'],
  ])('reads the stanza of %j', (metadata, provisionerName) => {
    expect(parse({ ...minimal, metadata }).provisioner.provisionerName).toBe(provisionerName);
  });

  it.each([
    [{ process_proxy: { class_name: 'no.such.Proxy' } }, 'no provisioner stands for "no.such.Proxy" (known: Local'],
    [{ process_proxy: { class_name: 7 } }, 'metadata.process_proxy.class_name'],
    [{ process_proxy: 'docker' }, 'metadata.process_proxy'],
    [{ kernel_provisioner: null }, 'metadata.kernel_provisioner'],
    [
      { kernel_provisioner: { provisioner_name: '' } },
      'metadata.kernel_provisioner.provisioner_name: must not be empty',
    ],
    [{ kernel_provisioner: { config: [] } }, 'metadata.kernel_provisioner.config: must be an object'],
    [7, 'metadata: must be an object'],
  ])('refuses the metadata %j by the name of what is wrong', (metadata, words) => {
    expect(refusal({ ...minimal, metadata })).toContain(words);
  });

  it('accepts a byte order mark', () => {
    expect(parse(`\uFEFF${JSON.stringify(minimal)}`).displayName).toBe('Python');
  });

  it('names the file and every wrong field', () => {
    const message = refusal({
      argv: ['x', 7],
      env: { A: 1, '': 'b' },
      display_name: 3,
      interrupt_mode: 'shout',
      metadata: { kernel_provisioner: { provisioner_name: 5 } },
    });
    for (const part of ['/k/kernel.json', 'argv.1', 'env.A', 'display_name', 'interrupt_mode', 'provisioner_name']) {
      expect(message).toContain(part);
    }
  });

  it.each(['', '{', '[]', '"text"', 'null', '7'])('refuses %j', (text) => {
    expect(refusal(text)).toMatch(/JSON/);
  });

  it('refuses text with NUL, which no system can pass to a program', () => {
    expect(refusal({ argv: ['a\0b'] })).toContain('NUL');
    expect(refusal({ ...minimal, env: { A: 'a\0b' } })).toContain('NUL');
    expect(refusal({ ...minimal, env: { 'A=B': 'c' } })).toContain("'='");
  });

  it('needs a command for backends that run it, and only for those', () => {
    expect(refusal({ display_name: 'x' })).toContain('argv: local-provisioner needs a command');
    expect(refusal({ argv: [''] })).toContain('argv');
    const container = { metadata: { kernel_provisioner: { provisioner_name: 'docker-provisioner' } } };
    expect(parse(container).argv).toEqual([]);
  });

  it('survives a file nested without end', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(() => parse(`{"argv":["x"],"metadata":{"deep":${deep}}}`)).not.toThrow(RangeError);
    expect(refusal(`{"argv":${deep}}`)).toContain('argv');
  });

  it('never fails in another way than KERNELSPEC_INVALID', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('argv', 'signal', 'local-provisioner'));
    const object = fc.record(
      {
        argv: fc.oneof(fc.array(fc.string()), field),
        env: fc.oneof(fc.dictionary(fc.string(), fc.string()), field),
        display_name: field,
        language: field,
        interrupt_mode: fc.oneof(fc.constantFrom('signal', 'message'), field),
        metadata: fc.oneof(fc.record({ kernel_provisioner: field, process_proxy: field }, { requiredKeys: [] }), field),
        other: field,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(object, fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        try {
          const spec = parse(text);
          // What was accepted is read back the same from what REST shows.
          const again = parse(JSON.stringify({ ...spec.extra, ...toKernelJson(spec) }));
          expect({ ...again, kernelProtocolVersion: '' }).toEqual({ ...spec, kernelProtocolVersion: '' });
        } catch (error) {
          expect(isProvisionerError(error, 'KERNELSPEC_INVALID')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never fails in another way for damaged text', () => {
    const whole = JSON.stringify({ ...minimal, env: { A: 'b' }, metadata: { debugger: true } });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ maxLength: 3 }), (at, inserted) => {
        try {
          parse(whole.slice(0, at) + inserted + whole.slice(at + 1));
        } catch (error) {
          expect(isProvisionerError(error, 'KERNELSPEC_INVALID')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the provisioner of a kernelspec', () => {
  it.each(enterpriseGatewaySpecs)('is read from $spec.display_name', ({ spec, provisioner, config }) => {
    expect(parse(spec).provisioner).toEqual({ provisionerName: provisioner, config });
  });

  it.each(gatewayProvisionersSpecs)('is read from $display_name', (spec) => {
    expect(parse(spec).provisioner).toEqual({
      provisionerName: parse(spec).displayName.replace('Generated ', ''),
      config: { image_name: 'elyra/kernel-py:dev', launch_timeout: 30 },
    });
  });

  it('is not guessed for a class that nobody knows', () => {
    const message = refusal({ ...minimal, metadata: { process_proxy: { class_name: 'our.own.MesosProcessProxy' } } });
    expect(message).toContain('"our.own.MesosProcessProxy"');
    expect(message).toContain('KubernetesProcessProxy');
  });

  it('is the default for a stanza without a name, as jupyter_client has it', () => {
    const metadata = { kernel_provisioner: { config: { a: 1 } }, process_proxy: { class_name: 'x.Unknown' } };
    expect(parse({ ...minimal, metadata }).provisioner).toEqual({ provisionerName: 'local-provisioner', config: {} });
    const options = { name: 'x', defaultProvisioner: 'docker-provisioner' };
    expect(parseKernelJson(minimal, options).provisioner.provisionerName).toBe('docker-provisioner');
  });

  it('keeps the settings of a process proxy without a class', () => {
    const metadata = { process_proxy: { config: { port_range: '1..2' } } };
    expect(parse({ ...minimal, metadata }).provisioner.config).toEqual({ port_range: '1..2' });
  });

  it('prefers the native stanza', () => {
    const metadata = {
      kernel_provisioner: { provisioner_name: 'third-party' },
      process_proxy: { class_name: 'x.KubernetesProcessProxy' },
    };
    expect(parse({ metadata }).provisioner).toEqual({ provisionerName: 'third-party', config: {} });
  });
});
