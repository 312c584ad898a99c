import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { testCli } from './testing/run-in-test.ts';
import type { TestCli } from './testing/run-in-test.ts';

describe('the command line', () => {
  it('tells its version and its commands', async () => {
    await using cli = await testCli();
    expect(await cli.run(['--version'])).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
    const help = await cli.run(['--help']);
    expect(help.exitCode).toBe(0);
    for (const command of ['start', 'run', 'kernelspecs', 'provisioners']) expect(help.stdout).toContain(command);
    expect((await cli.run(['run', '--help'])).stdout).toContain('--allow-errors');
  });

  it.each([
    [['rnu'], 'Did you mean run?'],
    [['run', 'x.ipynb', '--kernle', 'a'], 'Did you mean --kernel?'],
    [['kernelspecs', 'lsit'], 'Did you mean list?'],
    [['kernelspecs', 'list', '--jsno'], 'Did you mean --json?'],
    [['provisioners', 'check', '--provisioner', 'x'], 'use name=module'],
    [['run', 'a.ipynb', 'b.ipynb'], 'too many arguments'],
    [[], 'Usage:'],
  ])('ends with 2 for %j', async (args, message) => {
    await using cli = await testCli();
    const { exitCode, stdout, stderr } = await cli.run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('kernelspecs list', () => {
  it('looks where a gateway with the same environment looks', async () => {
    await using cli = await testCli();
    const specs = join(cli.folder, 'specs');
    await mkdir(join(specs, 'elsewhere'), { recursive: true });
    await writeFile(join(specs, 'elsewhere/kernel.json'), '{"display_name": "E", "language": "r", "argv": ["r"]}');
    const env = { HOME: cli.folder, GP_KERNELSPEC_PATH: `/no/such, ${specs}` };
    expect((await cli.run(['kernelspecs', 'list'], { env })).stdout).toMatch(/^elsewhere /m);
    expect((await cli.run(['kernelspecs', 'validate'], { env })).stdout).toContain('elsewhere');
  });

  it('shows what is found, and what is wrong with the rest', async () => {
    await using cli = await testCli();
    const kernels = join(cli.folder, '.local/share/jupyter/kernels');
    for (const name of ['mine', 'broken']) await mkdir(join(kernels, name), { recursive: true });
    const metadata = { process_proxy: { class_name: 'x.y.KubernetesProcessProxy', config: { image_name: 'i' } } };
    await writeFile(
      join(kernels, 'mine/kernel.json'),
      JSON.stringify({ display_name: 'Mine', language: 'r', metadata }),
    );
    await writeFile(join(kernels, 'broken/kernel.json'), '{"argv": 7}');
    const { exitCode, stdout, stderr } = await cli.run(['kernelspecs', 'list']);
    expect(exitCode).toBe(0);
    const rows = stdout.split('\n').map((line) => line.split(/\s{2,}/));
    // What is installed for all users of this machine is listed too.
    expect(rows.filter((row) => row.at(3)?.startsWith('/usr/') !== true)).toEqual([
      ['NAME', 'DISPLAY NAME', 'PROVISIONER', 'FOLDER'],
      ['deno *', 'Deno (TypeScript)', 'local-provisioner', '(built in)'],
      ['mine', 'Mine', 'kubernetes-provisioner', join(kernels, 'mine')],
      [''],
    ]);
    expect(stderr).toContain(join(kernels, 'broken/kernel.json'));
    expect(stderr).toContain('argv');

    const json: unknown = JSON.parse((await cli.run(['kernelspecs', 'list', '--json'])).stdout);
    expect(json).toMatchObject({
      default: 'deno',
      kernelspecs: {
        mine: {
          resource_dir: join(kernels, 'mine'),
          provisioner: { provisioner_name: 'kubernetes-provisioner', config: { image_name: 'i' } },
          spec: { argv: [], display_name: 'Mine', language: 'r', interrupt_mode: 'signal', metadata },
        },
      },
      problems: [{ name: 'broken' }],
    });
  });
});

describe('provisioners', () => {
  const plugIn = (definition: string) => `
    const brand = Symbol.for('gateway-provisioners.provisioner.v1');
    const schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
    export default { name: 'mine', apiVersion: 1, configSchema: schema, [brand]: true, createChecked() {}, ...${definition} };
  `;

  it('are listed with source, versions and problems', async () => {
    await using cli = await testCli();
    const { exitCode, stdout } = await cli.run(['provisioners', 'list', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      hostApiVersion: 1,
      provisioners: expect.arrayContaining(
        ['local', 'docker', 'distributed'].map((name) => ({
          name: `${name}-provisioner`,
          source: `registered @gateway-provisioners/provisioner-${name}`,
          version: expect.stringMatching(/^\d/),
          apiVersion: 1,
          imported: true,
          problems: [],
        })),
      ),
    });
    expect((await cli.run(['provisioners', 'list'])).stdout).toMatch(/^NAME +SOURCE +VERSION +API +STATUS\n/);
    expect(await readdir(cli.folder)).toEqual([]);
  });

  it.each([
    ['{}', 0, 'ok'],
    ['{ apiVersion: 7 }', 1, 'version 7 of the provisioner contract'],
    ['{ [brand]: undefined, createChecked: 1 }', 1, 'defineProvisioner'],
    ['{ name: "other" }', 1, 'offers "other", not "mine"'],
    ['{ configSchema: {} }', 1, 'no Standard Schema'],
    [
      "{ configSchema: { '~standard': { version: 1, validate() { throw new Error('oh') } } } }",
      1,
      'configSchema throws for {}: oh',
    ],
    ["{ configSchema: { '~standard': { version: 1, validate() {} } } }", 1, 'neither a value nor issues'],
  ])('check a plug-in that says %s', async (definition, exitCode, message) => {
    await using cli = await testCli();
    await writeFile(join(cli.folder, 'plug-in.mjs'), plugIn(definition));
    const result = await cli.run(['provisioners', 'check', 'mine', '--provisioner', 'mine=./plug-in.mjs']);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stdout).toContain(message);
    expect(result.stdout).not.toContain('local-provisioner');
    // What is wrong with one is no trouble for the others, nor for listing it.
    expect((await cli.run(['provisioners', 'list', '--provisioner', 'mine=./plug-in.mjs'])).exitCode).toBe(0);
  });

  describe('of dependencies', () => {
    /** A folder whose dependencies offer `<name>-provisioner` each, and say in a file that they were imported. */
    async function withDependencies(cli: TestCli, names: readonly string[]): Promise<void> {
      for (const name of names) {
        const folder = join(cli.folder, 'node_modules', name);
        await mkdir(folder, { recursive: true });
        const manifest = { apiVersion: 1, provisioners: { [`${basename(name)}-provisioner`]: '.' } };
        const json = { name, version: '3.2.1', type: 'module', exports: './index.js' };
        await writeFile(join(folder, 'package.json'), JSON.stringify({ ...json, gatewayProvisioners: manifest }));
        const mark = `import { writeFileSync } from 'node:fs'; writeFileSync(new URL('./imported', import.meta.url), '');`;
        await writeFile(join(folder, 'index.js'), mark + plugIn(`{ name: '${basename(name)}-provisioner' }`));
      }
      const dependencies = Object.fromEntries(names.map((name) => [name, '*']));
      await writeFile(join(cli.folder, 'package.json'), JSON.stringify({ dependencies }));
    }

    it('are checked, and listed without running their code', async () => {
      await using cli = await testCli();
      await withDependencies(cli, ['mine']);
      const list = await cli.run(['provisioners', 'list', '--discover']);
      expect(list.stdout).toMatch(/mine-provisioner +discovered mine +3\.2\.1 +- +not imported/);
      const folder = join(cli.folder, 'node_modules/mine');
      expect(await readdir(folder)).not.toContain('imported');
      const { exitCode, stdout } = await cli.run(['provisioners', 'check', '--discover']);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/mine-provisioner +discovered mine +3\.2\.1 +1 +ok/);
      expect(await readdir(folder)).toContain('imported');
    });

    it.each([
      ['flags', ['--discover-allow', '@acme/*, left', '--discover-deny', '*two'], {}],
      ['variables', [], { GP_DISCOVER_ALLOW: '@acme/*,left', GP_DISCOVER_DENY: '*two' }],
      ['a flag over a variable', ['--discover-deny', '*two,right'], { GP_DISCOVER_DENY: '@acme/*' }],
    ])('are allowed and denied by %s, and the denial wins', async (_, flags, env) => {
      await using cli = await testCli();
      const environment = { HOME: cli.folder, TMPDIR: cli.folder, ...env };
      await withDependencies(cli, ['@acme/one', '@acme/two', 'left', 'right']);
      for (const command of ['list', 'check']) {
        const { exitCode, stdout } = await cli.run(['provisioners', command, '--discover', ...flags], {
          env: environment,
        });
        expect(exitCode).toBe(0);
        expect(stdout.match(/discovered \S+/g)).toEqual(['discovered @acme/one', 'discovered left']);
      }
      expect(await readdir(join(cli.folder, 'node_modules/@acme/two'))).not.toContain('imported');
    });

    it('are not allowed by what is no pattern', async () => {
      await using cli = await testCli();
      const { exitCode, stderr } = await cli.run(['provisioners', 'list', '--discover-allow', 'a b']);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('--discover-allow');
    });
  });

  it('say what is missing', async () => {
    await using cli = await testCli();
    expect((await cli.run(['provisioners', 'check', 'none'])).stderr).toContain('no provisioner is called none');
    expect((await cli.run(['provisioners', 'check', '--provisioner', 'mine=./none.mjs'])).exitCode).toBe(1);
    expect((await cli.run(['provisioners', 'list', '--discover'])).stderr).toContain('package.json');
  });
});
