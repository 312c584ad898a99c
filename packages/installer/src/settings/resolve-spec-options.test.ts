import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@gateway-provisioners/core';
import type { ConfigProblem } from '@gateway-provisioners/core';
import { specOptionRows } from './describe-spec-options.ts';
import { resolveSpecOptions } from './resolve-spec-options.ts';

const resolve = (...args: Parameters<typeof resolveSpecOptions>) => resolveSpecOptions(...args).specs;

describe('options of kernelspecs', () => {
  it('come from flags, else a file, else variables, else defaults', () => {
    const env = { GP_IMAGE_NAME: 'from-env', GP_AUTHORIZED_USERS: 'bob, alice', KERNEL_LAUNCH_TIMEOUT: '77' };
    const file = { path: 'c.json', values: { image_name: 'from-file', port_range: '40000..42000' } };
    expect(resolve('docker', { env })).toEqual([
      {
        backend: 'docker',
        language: 'Python',
        kernelName: undefined,
        displayName: undefined,
        authorizedUsers: ['bob', 'alice'],
        unauthorizedUsers: ['root'],
        portRange: '0..0',
        launchTimeoutMs: 77_000,
        kernelClass: undefined,
        swarm: false,
        imageName: 'from-env',
      },
    ]);
    expect(resolve('docker', { env, file })[0]).toMatchObject({ imageName: 'from-file', portRange: '40000..42000' });
    expect(resolve('docker', { env, file, flags: { imageName: 'flag', launchTimeout: '0' } })[0]).toMatchObject({
      imageName: 'flag',
      launchTimeoutMs: 0,
    });
  });

  it('make one kernelspec for each language, with names that tell them apart', () => {
    const specs = resolve('k8s', {
      flags: { language: ['python', 'R,SCALA'], kernelName: 'Team', displayName: 'Team', ipykernelSubclassName: 'a.B' },
    });
    expect(
      specs.map(({ language, kernelName, displayName, kernelClass }) => [
        language,
        kernelName,
        displayName,
        kernelClass,
      ]),
    ).toEqual([
      ['Python', 'Team_python', 'Team Python', 'a.B'],
      ['R', 'Team_r', 'Team R', undefined],
      ['Scala', 'Team_scala', 'Team Scala', undefined],
    ]);
  });

  it('that the gateway reads from the same variable are not copied', () => {
    const env = {
      GP_REMOTE_HOSTS: 'a,b',
      GP_YARN_ENDPOINT: 'http://a',
      GP_ALT_YARN_ENDPOINT: 'http://b',
      GP_YARN_ENDPOINT_SECURITY_ENABLED: 'true',
      GP_IMPERSONATION_ENABLED: 'true',
    };
    expect(resolve('ssh', { env })[0]).toMatchObject({ remoteHosts: undefined });
    expect(resolve('ssh', { env, flags: { remoteHosts: ['c', 'd,e'] } })[0]).toMatchObject({
      remoteHosts: ['c', 'd', 'e'],
    });
    const unset = { yarnEndpoint: undefined, altYarnEndpoint: undefined, yarnEndpointSecurityEnabled: undefined };
    expect(resolve('yarn', { env })[0]).toMatchObject({ ...unset, impersonationEnabled: undefined });
    expect(resolve('yarn', { env, flags: { yarnEndpoint: 'http://c', impersonationEnabled: false } })[0]).toMatchObject(
      {
        yarnEndpoint: 'http://c',
        impersonationEnabled: false,
      },
    );
  });

  it('for an executor are a warning without Spark only when they were asked for', () => {
    const env = { GP_EXECUTOR_IMAGE_NAME: 'worker' };
    expect(resolve('k8s', { env })[0]).toMatchObject({ executorImageName: undefined });
    expect(resolve('k8s', { env, flags: { spark: true } })[0]).toMatchObject({ executorImageName: 'worker' });
    expect(resolve('k8s', { env, flags: { executorImageName: 'w' } })[0]).toMatchObject({ executorImageName: 'w' });
  });

  it('that are wrong are all reported, with their sources', () => {
    const sources = {
      flags: { language: ['Julia'], sparkInitMode: 'soon', imageName: ' ' },
      env: { GP_LAUNCH_TIMEOUT: '1.5' },
      file: { path: 'c.json', values: { port: 1 } },
    };
    let problems: readonly ConfigProblem[] = [];
    try {
      resolve('k8s', sources);
    } catch (error) {
      if (error instanceof ConfigError) problems = error.problems;
    }
    expect(problems.map(({ key, source }) => `${key} from ${String(source)}`).sort()).toEqual([
      'image_name from --image-name',
      'language from --language',
      'launch_timeout from GP_LAUNCH_TIMEOUT',
      'port from c.json',
      'spark_init_mode from --spark-init-mode',
    ]);
  });

  it('warn of --tensorflow', () => {
    expect(resolveSpecOptions('k8s', { flags: { tensorflow: true } }).warnings).toEqual([
      expect.stringContaining('--tensorflow has no effect'),
    ]);
  });
});

describe('rows for a command line', () => {
  it('have a flag and a form each', () => {
    const forms = new Map(specOptionRows('yarn').map(({ flag, form }) => [flag, form]));
    expect(['--dask', '--language', '--python-root'].map((flag) => forms.get(flag))).toEqual([
      'switch',
      'list',
      'value',
    ]);
    for (const backend of ['docker', 'k8s', 'yarn', 'ssh'] as const) {
      for (const { flag, description } of specOptionRows(backend)) {
        expect(flag).toMatch(/^--[a-z]/);
        expect(description).toMatch(/\.$/);
      }
    }
  });
});
