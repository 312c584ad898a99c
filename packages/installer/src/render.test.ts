import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProvisionerError } from '@gateway-provisioners/core';
import { isKernelSpecName, parseKernelJson } from '@gateway-provisioners/kernelspec';
import { renderKernelSpec } from './render.ts';
import { variants } from './testing/variants.ts';
import type { SpecOptions } from './types.ts';

const folder = (name: string): string => `/specs/${name}`;
const render = (options: SpecOptions) => {
  const rendered = renderKernelSpec(options, { folder });
  return { ...rendered, spec: parseKernelJson(rendered.kernelJson, { name: rendered.name }) };
};

/** What follows an option in argv. */
const after = (argv: readonly string[], option: string): string | undefined => argv[argv.indexOf(option) + 1];

describe('every variant', () => {
  const all = Object.entries(variants);

  it.each(all)('%s is a kernelspec with the keys and the order that Jupyter writes', (_, options) => {
    const { kernelJson, spec, warnings } = render(options);
    expect(Object.keys(kernelJson)).toEqual([
      'argv',
      'env',
      'display_name',
      'language',
      'interrupt_mode',
      'metadata',
      'kernel_protocol_version',
    ]);
    expect(spec.provisioner.config).toMatchObject({ launch_timeout: 30 });
    const isDask = options.backend === 'yarn' && options.dask === true;
    expect(warnings).toEqual(isDask ? [expect.stringContaining('ships launch_ipykernel.py alone')] : []);
  });

  it.each(all)('%s hands the launcher what it needs to call home', (_, options) => {
    const { argv } = render(options).spec;
    for (const name of ['kernel-id', 'port-range', 'response-address', 'public-key']) {
      expect(after(argv, `--${name}`)).toBe(`{${name.replace('-', '_')}}`);
    }
  });

  it.each(all)('%s says curve exactly when its launcher is told the policy', (_, options) => {
    const { spec, language } = render(options);
    const python = language === 'Python';
    expect(spec.argv.includes('{transport_encryption}')).toBe(python);
    expect(spec.metadata['supported_encryption']).toEqual(python ? ['curve'] : undefined);
    expect(spec.argv.includes('--kernel-class-name')).toBe(python);
  });

  it.each(all)('%s refers to its own folder only, and has a run.sh when it runs one', (_, options) => {
    const { spec, runScript, launcherFiles, name } = render(options);
    const paths = spec.argv.filter((arg) => arg.startsWith('/'));
    expect(paths).toHaveLength(1);
    const inFolder = paths[0]!.slice(folder(name).length + 1);
    expect(inFolder === 'bin/run.sh').toBe(runScript !== undefined);
    if (runScript === undefined) expect(launcherFiles.map(({ path }) => path)).toContain(inFolder);
  });

  it.each(all)('%s says debugger only for kernels that have one', (_, options) => {
    const { spec, language } = render(options);
    if (language !== 'Python') expect(spec.metadata).not.toHaveProperty('debugger');
  });

  it('have names of their own, except that a Swarm kernelspec is called as one for Docker', () => {
    for (const [variant, options] of all) {
      const rendered = render(options);
      expect(rendered.variant).toBe(variant);
      expect(rendered.name).toBe(variant.replace('_swarm', ''));
    }
  });
});

describe('options', () => {
  it('take the place of defaults', () => {
    const { spec, name } = render({
      backend: 'k8s',
      spark: true,
      kernelName: 'My Kernel',
      displayName: 'Mine "x" # ${y}',
      imageName: 'repo/image:1',
      executorImageName: 'repo/worker:1',
      authorizedUsers: ['bob', ' alice', 'bob'],
      unauthorizedUsers: ['zed'],
      portRange: '40000..42000',
      launchTimeoutMs: 90_000,
      kernelClass: 'my.Kernel',
      sparkHome: '/spark/',
      sparkInitMode: 'eager',
      extraSparkOpts: '--conf a=b',
    });
    expect(name).toBe('my_kernel');
    expect(spec.displayName).toBe('Mine "x" # ${y}');
    expect(spec.provisioner.config).toEqual({
      image_name: 'repo/image:1',
      executor_image_name: 'repo/worker:1',
      authorized_users: ['alice', 'bob'],
      unauthorized_users: ['zed'],
      port_range: '40000..42000',
      launch_timeout: 90,
    });
    expect(after(spec.argv, '--kernel-class-name')).toBe('my.Kernel');
    expect(after(spec.argv, '--spark-context-initialization-mode')).toBe('eager');
    expect(spec.env['SPARK_HOME']).toBe('/spark');
    expect(spec.env['SPARK_OPTS']).toMatch(/ --conf a=b \$\{KERNEL_EXTRA_SPARK_OPTS\}$/);
  });

  it.each<[string, SpecOptions, string]>([
    ['k8s', { backend: 'k8s', spark: true }, 'SPARK_OPTS'],
    ['k8s Scala', { backend: 'k8s', spark: true, language: 'Scala' }, '__TOREE_SPARK_OPTS__'],
    ['yarn', { backend: 'yarn' }, 'SPARK_OPTS'],
    ['yarn R', { backend: 'yarn', language: 'R' }, 'SPARK_OPTS'],
    ['yarn Scala', { backend: 'yarn', language: 'Scala' }, '__TOREE_SPARK_OPTS__'],
    ['ssh', { backend: 'ssh', spark: true }, 'SPARK_OPTS'],
    ['ssh R', { backend: 'ssh', spark: true, language: 'R' }, 'SPARK_OPTS'],
    ['ssh Scala', { backend: 'ssh', spark: true, language: 'Scala' }, '__TOREE_SPARK_OPTS__'],
  ])('for Spark reach spark-submit (%s)', (_, options, variable) => {
    const { spec } = render({ ...options, extraSparkOpts: '--conf a=b' } as SpecOptions);
    expect(spec.env[variable]).toContain(' --conf a=b ${KERNEL_EXTRA_SPARK_OPTS}');
  });

  it('of YARN', () => {
    const { spec } = render({
      backend: 'yarn',
      yarnEndpoint: 'http://a:8088',
      altYarnEndpoint: 'http://b:8088',
      yarnEndpointSecurityEnabled: true,
      impersonationEnabled: true,
      pythonRoot: '/py',
      py4j: '/opt/spark/python/lib/py4j-1-src.zip',
    });
    expect(spec.provisioner.config).toEqual({
      launch_timeout: 30,
      yarn_endpoint: 'http://a:8088',
      alt_yarn_endpoint: 'http://b:8088',
      yarn_endpoint_security_enabled: true,
      impersonation_enabled: true,
    });
    expect(spec.env['PYSPARK_PYTHON']).toBe('/py/bin/python');
    expect(spec.env['PYTHONPATH']).toBe('/opt/spark/python:/opt/spark/python/lib/py4j-1-src.zip');
    const dask = render({ backend: 'yarn', dask: true, extraDaskOpts: '--nworkers 2', pythonRoot: '/py' }).spec;
    expect(dask.env['DASK_OPTS']).toMatch(/--environment python:\/\/\/py\/bin\/python .* --nworkers 2$/);
    expect(after(dask.argv, '--cluster-type')).toBe('dask');
  });

  it('of SSH', () => {
    const { spec } = render({ backend: 'ssh', spark: true, sparkMaster: 'spark://h:7077', remoteHosts: ['a', 'b'] });
    expect(spec.provisioner.config['remote_hosts']).toEqual(['a', 'b']);
    expect(spec.env['SPARK_OPTS']).toContain('--master spark://h:7077 --deploy-mode client');
  });

  it('that have no effect are told', () => {
    expect(
      render({ backend: 'k8s', extraSparkOpts: 'x', sparkInitMode: 'lazy', executorImageName: 'i' }).warnings,
    ).toEqual([
      expect.stringContaining('mode lazy has no effect'),
      expect.stringContaining('extra Spark options have no effect'),
      expect.stringContaining('executor image has no effect'),
    ]);
    expect(render({ backend: 'docker', language: 'R', kernelClass: 'a.B' }).warnings).toEqual([
      expect.stringContaining('kernel class has no effect'),
    ]);
    for (const options of [
      { backend: 'yarn', dask: true, language: 'R' },
      { backend: 'k8s', crd: true, spark: true, language: 'R' },
    ] as const) {
      const { language, spec, warnings } = render(options);
      expect({ language, of: spec.language }).toEqual({ language: 'Python', of: 'python' });
      expect(warnings.at(-1)).toContain('Python is used instead of R');
    }
  });

  it.each<[string, Partial<SpecOptions>, string]>([
    ['a name with a slash', { kernelName: '../x' }, 'kernel name "../x"'],
    ['a name of dots', { kernelName: '..' }, 'kernel name ".."'],
    ['an empty name', { kernelName: '' }, 'kernel name ""'],
    ['a port range that is too small', { portRange: '40000..40001' }, 'at least 1000'],
    ['a port range that is none', { portRange: 'x' }, 'two numbers are expected'],
    ['a class without a module', { kernelClass: 'Kernel' }, 'kernel class "Kernel"'],
    ['a class that is an argument', { kernelClass: '--evil.x' }, 'kernel class'],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => render({ backend: 'docker', ...wrong })).toThrow(message);
  });

  it.each<[SpecOptions, string]>([
    [{ backend: 'k8s', crd: true }, 'ask for Spark as well'],
    [{ backend: 'yarn', extraSparkOpts: '--conf "a' }, 'the extra Spark options: no closing "'],
    [{ backend: 'yarn', extraSparkOpts: '$(id)' }, 'a command to be run'],
    [{ backend: 'yarn', dask: true, extraDaskOpts: "it's" }, 'the extra Dask options'],
    [{ backend: 'ssh', spark: true, sparkMaster: '$(id)' }, 'a command to be run'],
  ])('refuses %j', (options, message) => {
    expect(() => render(options)).toThrow(message);
  });
});

describe('any name and text', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });

  it('of a kernel is a folder name or is refused', () => {
    fc.assert(
      fc.property(text, (kernelName) => {
        try {
          const { name } = renderKernelSpec({ backend: 'ssh', kernelName }, { folder });
          expect(isKernelSpecName(name)).toBe(true);
          expect(name).toBe(kernelName.replaceAll(' ', '_').toLowerCase());
        } catch (error) {
          expect(error).toBeInstanceOf(ProvisionerError);
          expect(isKernelSpecName(kernelName.replaceAll(' ', '_').toLowerCase())).toBe(false);
        }
      }),
    );
  });

  it('stays where it was put', () => {
    const users = fc.uniqueArray(
      text.map((name) => name.trim()).filter((name) => name !== ''),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(text, text, users, (displayName, imageName, authorizedUsers) => {
        const { kernelJson } = renderKernelSpec(
          { backend: 'k8s', displayName, imageName, authorizedUsers },
          { folder },
        );
        const plain = renderKernelSpec({ backend: 'k8s' }, { folder }).kernelJson;
        expect(JSON.parse(JSON.stringify(kernelJson))).toEqual({
          ...plain,
          display_name: displayName,
          metadata: {
            supported_encryption: ['curve'],
            debugger: true,
            kernel_provisioner: {
              provisioner_name: 'kubernetes-provisioner',
              config: {
                image_name: imageName,
                ...(authorizedUsers.length === 0 ? {} : { authorized_users: [...authorizedUsers].sort() }),
                launch_timeout: 30,
              },
            },
          },
        });
      }),
    );
  });
});
