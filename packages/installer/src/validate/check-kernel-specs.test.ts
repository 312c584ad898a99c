import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  PROVISIONER_API_VERSION,
  ProvisionerRegistry,
  defineProvisioner,
  noRendezvous,
  silentLogger,
  systemClock,
} from '@gateway-provisioners/core';
import { installKernelSpecs, planKernelSpecs } from '../install.ts';
import { variants } from '../testing/variants.ts';
import type { AskForImage } from './check-image.ts';
import { checkKernelSpecs } from './check-kernel-specs.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'validate-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const env = () => ({ HOME: folder });

async function check(path = folder, askForImage?: AskForImage) {
  const services = {
    instanceId: 'test',
    logger: silentLogger,
    clock: systemClock,
    runtimeDir: folder,
    env: {},
    rendezvous: noRendezvous,
  };
  await using registry = new ProvisionerRegistry({ services });
  registry.registerLazy({
    name: 'local-provisioner',
    origin: { kind: 'registered', package: 'test' },
    load: () =>
      Promise.resolve({
        default: defineProvisioner({
          name: 'local-provisioner',
          apiVersion: PROVISIONER_API_VERSION,
          configSchema: {
            '~standard': {
              version: 1,
              vendor: 'test',
              validate: (value: unknown) =>
                JSON.stringify(value).includes('bad')
                  ? { issues: [{ message: 'is bad', path: ['setting'] }] }
                  : { value: {} },
            },
          },
          create: () => {
            throw new Error('no kernel is started');
          },
        }),
      }),
  });
  return await checkKernelSpecs({ env: env(), folder: path, registry, askForImage });
}

async function write(name: string, kernelJson: unknown): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(
    join(folder, name, 'kernel.json'),
    typeof kernelJson === 'string' ? kernelJson : JSON.stringify(kernelJson),
  );
}

const remote = (provisioner_name: string, config: object = {}) => ({
  argv: ['/x/run.sh', '{kernel_id}', '{response_address}', '{public_key}'],
  metadata: { kernel_provisioner: { provisioner_name, config } },
});

/** `severity where` of one kernelspec. */
async function findings(kernelJson: unknown) {
  await write('one', kernelJson);
  const { kernelSpecs } = await check();
  return kernelSpecs[0]!.findings.map(({ severity, where, message }) => `${severity} ${where}: ${message}`);
}

describe('images', () => {
  it.each([
    [false, ['metadata.kernel_provisioner.config.image_name']],
    [true, []],
    [undefined, []],
  ])('are asked for where an engine answers: %s', async (answer, where) => {
    const asked: string[] = [];
    await write('one', remote('docker-provisioner', { image_name: 'team/kernel:1' }));
    await write('two', remote('kubernetes-provisioner', { image_name: 'elsewhere:1' }));
    const { kernelSpecs } = await check(folder, (image) => {
      asked.push(image);
      return Promise.resolve(answer);
    });
    expect(asked).toEqual(['team/kernel:1']);
    const found = kernelSpecs.flatMap(({ findings: all }) => all).filter(({ message }) => message.includes('pull'));
    expect(found.map((finding) => finding.where)).toEqual(where);
  });
});

describe('checking', () => {
  it('finds nothing in what this package writes, but for provisioners that are not installed', async () => {
    const specs = Object.entries(variants).map(([kernelName, options]) => ({ ...options, kernelName }));
    const destination = { to: 'path', path: folder } as const;
    await installKernelSpecs(await planKernelSpecs({ specs, destination, env: env() }), { env: env() });
    const { kernelSpecs, problems } = await check();
    expect(problems).toEqual([]);
    expect(kernelSpecs.map(({ name }) => name)).toEqual(Object.keys(variants).sort());
    for (const { findings: found } of kernelSpecs) {
      expect(found).toEqual([
        {
          severity: 'warning',
          where: 'metadata.kernel_provisioner.provisioner_name',
          message: expect.stringContaining('is not part of this installation'),
        },
      ]);
    }
  });

  it('reads plain kernelspecs and those of Enterprise Gateway', async () => {
    await write('plain', {
      argv: ['python', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
      language: 'python',
    });
    const class_name = 'enterprise_gateway.services.processproxies.yarn.YarnClusterProcessProxy';
    const flags = ['kernel-id', 'response-address', 'public-key'].flatMap((name) => [
      `--RemoteProcessProxy.${name}`,
      `{${name.replace('-', '_')}}`,
    ]);
    await write('eg', {
      argv: ['run.sh', ...flags],
      metadata: { process_proxy: { class_name, config: { port_range: 'x' } } },
    });
    const { kernelSpecs } = await check();
    expect(kernelSpecs).toMatchObject([
      {
        name: 'eg',
        path: join(folder, 'eg/kernel.json'),
        provisioner: 'yarn-provisioner',
        findings: [{ severity: 'warning' }, { severity: 'error', where: 'metadata.process_proxy.config.port_range' }],
      },
      { name: 'plain', provisioner: 'local-provisioner', findings: [] },
    ]);
  });

  it.each<[string, unknown, string[]]>([
    ['JSON', '{', ['error kernel.json: is not JSON: *']],
    ['the schema', { argv: 7, env: { a: 1 } }, ['error kernel.json: argv: *; env.a: *']],
    [
      'a name',
      remote('docker-provisoner'),
      [
        'error metadata.kernel_provisioner.provisioner_name: there is no provisioner "docker-provisoner"; did you mean "docker-provisioner"*',
      ],
    ],
    [
      'settings that the provisioner does not take',
      {
        argv: ['x', '{connection_file}'],
        metadata: { kernel_provisioner: { provisioner_name: 'local-provisioner', config: { bad: 1 } } },
      },
      ['error metadata.kernel_provisioner.config.setting: is bad'],
    ],
    [
      'a misspelt placeholder',
      { argv: ['x', '-f', '{conection_file}'] },
      [
        'error argv.2: nothing is filled in for {conection_file}; did you mean "connection_file"*',
        'error argv: *{connection_file}*',
      ],
    ],
    [
      'braces of a program',
      { argv: ['sh', '-c', "awk '{print}' ${HOME} {connection_file}"] },
      ['warning argv.2: nothing is filled in for {print}'],
    ],
    [
      'no way to call home',
      { ...remote('distributed-provisioner'), argv: ['x', '{kernel_id}'] },
      ['warning *', 'error argv: *{response_address}, {public_key}*'],
    ],
    [
      'a program that is not there',
      { argv: ['/no/such/program', '{connection_file}'] },
      ['error argv.0: there is no program /no/such/program'],
    ],
    [
      'an unfinished template',
      {
        ...remote('yarn-provisioner'),
        display_name: '${display_name}',
        argv: ['${install_dir}/bin/run.sh', '{kernel_id} {response_address} {public_key}'],
      },
      ['error kernel.json: an installer did not finish: "${install_dir}/bin/run.sh"*', 'warning *'],
    ],
    [
      'no image',
      remote('kubernetes-provisioner'),
      ['warning *', 'warning metadata.kernel_provisioner.config.image_name: *GP_IMAGE_NAME*'],
    ],
    [
      'settings of any remote kernel',
      remote('docker-provisioner', {
        image_name: 'a b',
        port_range: '5..6',
        launch_timeout: 'soon',
        authorized_users: 7,
      }),
      [
        'warning *',
        'error metadata.kernel_provisioner.config.port_range: *',
        'error metadata.kernel_provisioner.config.launch_timeout: must be a number of seconds, not "soon"',
        'error metadata.kernel_provisioner.config.image_name: must not have blanks*',
        'error metadata.kernel_provisioner.config.authorized_users: *',
      ],
    ],
    [
      'encryption that cannot be',
      {
        ...remote('distributed-provisioner'),
        metadata: {
          supported_encryption: ' Curve',
          kernel_provisioner: { provisioner_name: 'distributed-provisioner' },
        },
      },
      ['warning *', 'warning metadata.supported_encryption: *'],
    ],
  ])('finds what is wrong with %s', async (_, kernelJson, expected) => {
    const found = await findings(kernelJson);
    expect(found).toEqual(
      expected.map((pattern) =>
        expect.stringMatching(
          new RegExp(
            `^${pattern
              .split('*')
              .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
              .join('.*')}$`,
          ),
        ),
      ),
    );
  });

  it('warns of a wrapper that runs the values of a request', async () => {
    const program = join(folder, 'one/bin/run.sh');
    await mkdir(join(folder, 'one/bin'), { recursive: true });
    await writeFile(program, '#!/bin/sh\neval exec "${SPARK_OPTS}" "$@"\n');
    const argv = [program, '{kernel_id} {response_address} {public_key}'];
    expect(await findings({ ...remote('yarn-provisioner'), argv })).toEqual([
      expect.stringMatching(/^warning metadata/),
      expect.stringMatching(/^warning argv\.0: .*run\.sh runs what is in variables/),
    ]);
  });

  it('takes one kernelspec by its folder, and nothing else then', async () => {
    await write('One', { argv: ['x', '{connection_file}'] });
    await write('two', '{');
    expect(await check(join(folder, 'One'))).toMatchObject({
      kernelSpecs: [{ name: 'one', findings: [] }],
      problems: [],
    });
    expect(await check(join(folder, 'two'))).toMatchObject({ kernelSpecs: [{ name: 'two' }], problems: [] });
  });

  it('tells of names that are none, and of a folder that is not there', async () => {
    await write('my kernel', { argv: ['x'] });
    for (const path of [folder, join(folder, 'my kernel')]) {
      expect(await check(path)).toMatchObject({ kernelSpecs: [], problems: [{ path: join(folder, 'my kernel') }] });
    }
    await expect(check(join(folder, 'none'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('has an answer to any JSON', async () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const shaped = fc.record(
      {
        argv: fc.oneof(value, fc.array(fc.string())),
        env: value,
        metadata: fc.oneof(
          value,
          fc.record(
            {
              kernel_provisioner: fc.record(
                {
                  provisioner_name: fc.constantFrom('local-provisioner', 'docker-provisioner', 'x'),
                  config: fc.oneof(
                    value,
                    fc.record(
                      { port_range: value, launch_timeout: value, image_name: value, authorized_users: value },
                      { requiredKeys: [] },
                    ),
                  ),
                },
                { requiredKeys: [] },
              ),
              supported_encryption: value,
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, shaped), async (kernelJson) => {
        await write('one', kernelJson);
        const { kernelSpecs } = await check();
        expect(kernelSpecs.map(({ name }) => name)).toEqual(['one']);
      }),
      { numRuns: 100 },
    );
  });
});
