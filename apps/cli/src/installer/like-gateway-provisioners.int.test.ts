import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exceptions, failures } from '../testing/gateway-provisioners-exceptions.ts';
import {
  gatewayProvisionersPython,
  installWithGatewayProvisioners,
} from '../testing/gateway-provisioners-installer.ts';
import type { InstallCase, Installed } from '../testing/gateway-provisioners-installer.ts';
import { testCli } from '../testing/run-in-test.ts';
import { runSpecCli } from './run-spec-cli.ts';

/** By name: the program, its arguments, its variables. Names of plain variants are those of their kernelspecs. */
const cases: Readonly<Record<string, readonly [InstallCase['program'], args: string, env?: Record<string, string>]>> = {
  docker_python: ['docker', ''],
  docker_r: ['docker', '--language R'],
  docker_scala: ['docker', '--language scala'],
  docker_python_swarm: ['docker', '--swarm'],
  docker_r_swarm: ['docker', '--swarm --language R'],
  docker_scala_swarm: ['docker', '--swarm --language Scala'],
  k8s_python: ['k8s', ''],
  k8s_r: ['k8s', '--language r'],
  k8s_scala: ['k8s', '--language Scala'],
  k8s_python_spark: ['k8s', '--spark'],
  k8s_r_spark: ['k8s', '--spark --language R'],
  k8s_scala_spark: ['k8s', '--spark --language Scala'],
  k8s_python_spark_operator: ['k8s', '--spark --crd'],
  yarn_spark_python: ['yarn', '--spark-home SPARK --python-root /opt/conda'],
  yarn_spark_r: ['yarn', '--language R --spark-home SPARK --python-root /opt/conda'],
  yarn_spark_scala: ['yarn', '--language Scala --spark-home SPARK --python-root /opt/conda'],
  yarn_dask_python: ['yarn', '--dask --spark-home SPARK --python-root /opt/conda'],
  ssh_python: ['ssh', ''],
  ssh_r: ['ssh', '--language R'],
  ssh_scala: ['ssh', '--language Scala'],
  ssh_python_spark: ['ssh', '--spark --spark-home SPARK'],
  ssh_r_spark: ['ssh', '--spark --language R --spark-home SPARK'],
  ssh_scala_spark: ['ssh', '--spark --language Scala --spark-home SPARK'],

  names: ['docker', '--kernel-name My_Kernel --display-name Mine --image-name repo/image:1'],
  'users, ports and timeout': [
    'docker',
    '--authorized-users bob --authorized-users alice --unauthorized-users zed --port-range 40000..42000 --launch-timeout 90',
  ],
  'no timeout': ['ssh', '--launch-timeout 0'],
  variables: [
    'k8s',
    '',
    {
      GP_IMAGE_NAME: 'i',
      GP_AUTHORIZED_USERS: 'carol,bob',
      GP_PORT_RANGE: '40000..42000',
      KERNEL_LAUNCH_TIMEOUT: '77',
    },
  ],
  'both timeouts': ['k8s', '', { GP_LAUNCH_TIMEOUT: '50', KERNEL_LAUNCH_TIMEOUT: '77' }],
  'unauthorized by variable': ['docker', '', { GP_UNAUTHORIZED_USERS: 'zed' }],
  'authorized by variable': ['docker', '', { GP_AUTHORIZED_USERS: 'bob' }],
  'executor image': ['k8s', '--spark --executor-image-name worker:1 --image-name driver:1'],
  'executor image by variable': ['k8s', '--spark', { GP_IMAGE_NAME: 'driver:1', GP_EXECUTOR_IMAGE_NAME: 'worker:1' }],
  'executor image without Spark': ['k8s', '--executor-image-name worker:1'],
  tensorflow: ['k8s', '--tensorflow'],
  'Spark options': ['k8s', '--spark --spark-init-mode EAGER --spark-home /usr/lib/spark --extra-spark-opts=--x=y'],
  'Spark home by variable': ['k8s', '--spark', { SPARK_HOME: '/usr/lib/spark' }],
  'Spark options without Spark': ['ssh', '--spark-init-mode eager --extra-spark-opts=--x=y'],
  'operator in R': ['k8s', '--spark --crd --language R'],
  'operator without Spark': ['k8s', '--crd'],
  hosts: ['ssh', '--remote-hosts a --remote-hosts b'],
  'hosts by variable': ['ssh', '', { GP_REMOTE_HOSTS: 'a,b' }],
  'Spark master and options over SSH': [
    'ssh',
    '--spark --spark-master spark://h:7077 --extra-spark-opts=--x=y --spark-home SPARK',
  ],
  'YARN endpoint': ['yarn', '--yarn-endpoint http://a:8088 --spark-home SPARK --python-root /opt/conda'],
  'YARN endpoint by variable': [
    'yarn',
    '--spark-home SPARK --python-root /opt/conda',
    { GP_YARN_ENDPOINT: 'http://a:8088' },
  ],
  'YARN security': ['yarn', '--yarn-endpoint-security-enabled --spark-home SPARK --python-root /opt/conda'],
  'YARN impersonation': ['yarn', '--impersonation-enabled --spark-home SPARK --python-root /opt/conda'],
  'Spark options on YARN': [
    'yarn',
    '--spark-init-mode none --extra-spark-opts=--x=y --spark-home SPARK --python-root /opt/conda',
  ],
  'YARN without py4j': ['yarn', '--spark-home EMPTY --python-root /opt/conda'],
  'Dask options': ['yarn', '--dask --extra-dask-opts=--x=y --spark-home SPARK --python-root /opt/conda'],
  'Dask in Scala': ['yarn', '--dask --language Scala --spark-home SPARK --python-root /opt/conda'],
  'kernel class': ['docker', '--ipykernel-subclass-name ipykernel.inprocess.ipkernel.InProcessKernel'],
  'kernel class in R': [
    'docker',
    '--language R --ipykernel-subclass-name ipykernel.inprocess.ipkernel.InProcessKernel',
  ],
  'no such language': ['docker', '--language julia'],
  'no such Spark mode': ['k8s', '--spark --spark-init-mode soon'],
  'user and prefix': ['ssh', '--user'],
  'unknown option': ['docker', '--no-such-option=1'],
};

let home = '';
let theirs: ReadonlyMap<string, Installed> = new Map();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'like-gp-'));
  for (const folder of ['SPARK', 'EMPTY']) await mkdir(join(home, folder, 'python/lib'), { recursive: true });
  await writeFile(join(home, 'SPARK/python/lib/py4j-0.10.9.7-src.zip'), '');
  const python = await gatewayProvisionersPython();
  const all = Object.entries(cases);
  const env = { HOME: home, PATH: '/usr/bin:/bin' };
  const installs = all.map(([name, [program, args, more = {}]], index) => ({
    program,
    args: argumentsOf(args),
    env: more,
    prefix: name === 'user and prefix' ? join(home, 'none') : join(home, `theirs-${String(index)}`),
  }));
  const results = await installWithGatewayProvisioners(python, installs, { env });
  theirs = new Map(all.map(([name], index) => [name, results[index]!]));
}, 300_000);

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

function argumentsOf(args: string): readonly string[] {
  const words = args === '' ? [] : args.split(' ');
  return words.map((word) => (word === 'SPARK' || word === 'EMPTY' ? join(home, word) : word));
}

async function install(name: string): Promise<Installed> {
  const [program, args, env = {}] = cases[name]!;
  await using cli = await testCli();
  const prefix = join(cli.folder, 'prefix');
  const { exitCode, stdout, stderr } = await cli.run(['install', '--prefix', prefix, ...argumentsOf(args)], {
    env: { HOME: cli.folder, ...env },
    program: (context) => runSpecCli(program, context),
  });
  const kernels = join(prefix, 'share/jupyter/kernels');
  const names = await readdir(kernels).catch(() => []);
  const specs: Record<string, { kernel_json: unknown; files: readonly string[] }> = {};
  for (const each of names) {
    const folder = join(kernels, each);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    specs[each] = {
      kernel_json: JSON.parse(await readFile(join(folder, 'kernel.json'), 'utf8')),
      files: files
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name).slice(folder.length + 1)),
    };
  }
  return { exit_code: exitCode, output: stdout + stderr, specs };
}

/** What is compared, as one value for each path; folders of this run have fixed names. */
function flatten(installed: Installed): ReadonlyMap<string, string> {
  const flat = new Map<string, string>([['installs', installed.exit_code === 0 ? 'yes' : 'no']]);
  for (const [name, { kernel_json, files }] of Object.entries(installed.specs)) {
    flat.set('name', name);
    // Launchers are not part of our package, and Toree's jars come from elsewhere.
    const own = files.filter((file) => !/^(scripts|lib)\//.test(file)).sort();
    flat.set('files', own.join(' '));
    const folders = new RegExp(`[^" ]*/share/jupyter/kernels/${name}`, 'g');
    for (const [path, value] of leaves(kernel_json))
      flat.set(path, value.replace(folders, 'FOLDER').replaceAll(home, ''));
  }
  return flat;
}

function leaves(value: unknown, path = ''): readonly (readonly [string, string])[] {
  if (path === 'argv' && Array.isArray(value)) return optionLeaves(path, value.map(String));
  if (typeof value === 'string' && /_OPTS(__)?$/.test(path)) return optionLeaves(path, value.split(' '));
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, each]) => leaves(each, path === '' ? key : `${path}.${key}`));
  }
  // Users are a set in the original; where they are an order is nowhere said.
  const shown: unknown = path.endsWith('_users') && Array.isArray(value) ? value.map(String).sort() : value;
  return [[path, typeof shown === 'string' ? shown : JSON.stringify(shown)]];
}

/** Options by name, whose order does not matter; the rest in its order. */
function optionLeaves(path: string, words: readonly string[]): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  const others: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const [word = '', next = ''] = [words[at], words[at + 1]];
    if (word.startsWith('--') && next !== '' && !next.startsWith('--') && !word.includes('=')) {
      const [key = '', ...value] = word === '--conf' ? next.split('=') : [word, next];
      found.push([`${path}.${key}`, value.join('=')]);
      at += 1;
    } else if (word !== '') {
      others.push(word);
    }
  }
  return [[path, others.join(' ')], ...found];
}

describe('installed as by Gateway Provisioners', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const [original, own] = [flatten(theirs.get(name)!), flatten(await install(name))];
    const failure = failures[name];
    if (failure !== undefined) {
      const outcome =
        original.get('installs') === 'no'
          ? 'nothing'
          : original.get('display_name') === '${display_name}'
            ? 'unfinished'
            : 'finished';
      expect({ leaves: outcome, ours: Object.fromEntries(own) }).toEqual({
        leaves: failure.leaves,
        ours: failure.ours,
      });
      return;
    }
    const differences: Record<string, { theirs: string; ours: string }> = {};
    for (const path of new Set([...original.keys(), ...own.keys()])) {
      const pair = { theirs: original.get(path) ?? '(nothing)', ours: own.get(path) ?? '(nothing)' };
      if (pair.theirs !== pair.ours) differences[path] = pair;
    }
    const expected = Object.entries(exceptions[name] ?? {}).map(([path, exception]) => [
      path,
      { theirs: exception.theirs, ours: exception.ours },
    ]);
    expect(differences).toEqual(Object.fromEntries(expected));
  });

  it('and what the original left is validated: errors exactly for what it did not finish', async () => {
    await using cli = await testCli();
    for (const [index, name] of Object.keys(cases).entries()) {
      if (theirs.get(name)?.exit_code !== 0) continue;
      const folder = join(home, `theirs-${String(index)}`, 'share/jupyter/kernels');
      const { exitCode, stdout } = await cli.run(['kernelspecs', 'validate', folder]);
      expect({ name, exitCode, stdout }).toMatchObject({
        name,
        exitCode: failures[name]?.leaves === 'unfinished' ? 1 : 0,
      });
      expect(stdout.includes('an installer did not finish')).toBe(exitCode === 1);
    }
  });

  it('with exceptions for nothing else', () => {
    const names = [...Object.keys(exceptions), ...Object.keys(failures)];
    expect(names.filter((name) => !(name in cases))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
    const reasons = [...Object.values(failures), ...Object.values(exceptions).flatMap((each) => Object.values(each))];
    for (const { reason } of reasons) expect(reason.length).toBeGreaterThan(20);
  });
});
