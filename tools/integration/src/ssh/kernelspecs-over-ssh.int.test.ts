import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { launchersDir } from '@gateway-provisioners/launchers';
import { openRawClient } from '../clients/raw-client.ts';
import { sparkTestbed } from '../launchers/spark-testbed.ts';
import { startMortalGateway } from '../robustness/mortal-gateway.ts';
import { runProgram } from '../support/run-program.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { requiredFile, workspaceFolder } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { kernelsOn, processesOn, sshGatewayEnv, sshVariable, startKernel } from './ssh-hosts.ts';

const [host1 = '', host2 = ''] = sshVariable('GP_SSH_HOSTS').split(' ');

/** In the form, and with the words, that Enterprise Gateway's kernelspecs have. */
const PYTHON_DISTRIBUTED = `{
  "language": "python",
  "display_name": "Python 3 (distributed)",
  "metadata": {
    "process_proxy": {
      "class_name": "enterprise_gateway.services.processproxies.distributed.DistributedProcessProxy"
    },
    "debugger": true
  },
  "argv": [
    "python",
    "/usr/local/share/jupyter/kernels/python_distributed/scripts/launch_ipykernel.py",
    "--RemoteProcessProxy.kernel-id",
    "{kernel_id}",
    "--RemoteProcessProxy.port-range",
    "{port_range}",
    "--RemoteProcessProxy.response-address",
    "{response_address}",
    "--RemoteProcessProxy.public-key",
    "{public_key}",
    "--RemoteProcessProxy.spark-context-initialization-mode",
    "none"
  ]
}`;

interface SparkClient {
  readonly name: string;
  readonly language: string;
  readonly env: Readonly<Record<string, string>>;
  /** Lines of its script that tell what spark-submit is to run. */
  readonly program: string;
  /** Puts into the kernelspec's folder what the script starts. */
  readonly fill: (folder: string, spark: ReturnType<typeof sparkTestbed>) => Promise<void>;
  readonly code: string;
}

const sparkClients: readonly SparkClient[] = [
  {
    name: 'spark_python_yarn_client',
    language: 'python',
    env: {},
    program: '"${PROG_HOME}/scripts/launch_ipykernel.py"',
    fill: async (folder) => {
      await cp(join(launchersDir, 'python', 'scripts'), join(folder, 'scripts'), { recursive: true });
    },
    code: 'import socket; print(socket.gethostname(), sc.parallelize(range(10)).filter(lambda n: n % 2 == 0).sum())',
  },
  {
    name: 'spark_scala_yarn_client',
    language: 'scala',
    env: { __TOREE_OPTS__: '', TOREE_OPTS: '--alternate-sigint USR2', SPARK_SUBMIT_OPTS: '-Dscala.usejavacp=true' },
    program:
      '--jars "${PROG_HOME}"/lib/toree-assembly-*.jar --class launcher.ToreeLauncher "${PROG_HOME}"/lib/toree-launcher*.jar "${TOREE_OPTS}"',
    fill: async (folder, { toreeAssembly }) => {
      await cp(join(launchersDir, 'scala', 'lib'), join(folder, 'lib'), { recursive: true });
      await cp(toreeAssembly, join(folder, 'lib', basename(toreeAssembly)));
    },
    code: 'println(java.net.InetAddress.getLocalHost.getHostName + " " + sc.parallelize(0 until 10).filter(_ % 2 == 0).sum.toInt)',
  },
];

/** For Spark in client mode, in Enterprise Gateway's form, with a master that needs no cluster. */
const sparkClientSpec = ({ name, language, env }: SparkClient, spark: ReturnType<typeof sparkTestbed>): string =>
  JSON.stringify({
    language,
    display_name: `Spark - ${language} (YARN Client Mode)`,
    metadata: {
      process_proxy: {
        class_name: 'enterprise_gateway.services.processproxies.distributed.DistributedProcessProxy',
        // Spark is in a folder that is root's alone here.
        config: { remote_hosts: [`root@${host1}`], remote_dir: '/tmp/gateway-provisioners' },
      },
      debugger: true,
    },
    env: {
      SPARK_HOME: spark.sparkHome,
      JAVA_HOME: spark.javaHome,
      PYSPARK_PYTHON: spark.python,
      SPARK_LOCAL_IP: '127.0.0.1',
      SPARK_OPTS:
        '--master local[2] --deploy-mode client --name ${KERNEL_ID:-ERROR__NO__KERNEL_ID} --conf spark.ui.enabled=false ${KERNEL_EXTRA_SPARK_OPTS}',
      LAUNCH_OPTS: '',
      ...env,
    },
    argv: [
      `/usr/local/share/jupyter/kernels/${name}/bin/run.sh`,
      ...['--RemoteProcessProxy.kernel-id', '{kernel_id}', '--RemoteProcessProxy.port-range', '{port_range}'],
      ...['--RemoteProcessProxy.response-address', '{response_address}'],
      ...['--RemoteProcessProxy.public-key', '{public_key}'],
      ...['--RemoteProcessProxy.spark-context-initialization-mode', 'lazy'],
    ],
  });

/** What its script does: sudo where the gateway says so, then spark-submit, with the options as words of a shell. */
const sparkClientScript = ({ program }: SparkClient): string => `#!/usr/bin/env bash
if [ "\${EG_IMPERSONATION_ENABLED}" = "True" ]; then
  IMPERSONATION_OPTS="sudo PATH=\${PATH} -H -E -u \${KERNEL_USERNAME:-UNSPECIFIED}"
else
  IMPERSONATION_OPTS=""
fi
if [ -z "\${SPARK_HOME}" ]; then
  echo "SPARK_HOME must be set to the location of a Spark distribution!"
  exit 1
fi
PROG_HOME="$(cd "$(dirname "$0")"/..; pwd)"
eval exec "\${IMPERSONATION_OPTS}" "\${SPARK_HOME}/bin/spark-submit" "\${SPARK_OPTS}" \\
  ${program} "\${LAUNCH_OPTS}" "$@"
`;

interface RunningSpec {
  readonly env?: Readonly<Record<string, string>>;
  readonly name: string;
  readonly code: string;
  readonly timeoutMs?: number;
  /** Puts kernelspecs into a Jupyter folder. */
  readonly prepare: (data: string) => Promise<void>;
  /** Looks around while the kernel runs. */
  readonly meanwhile?: () => Promise<void>;
}

/** What a kernel of that kernelspec prints, started through a gateway that has nothing else. */
async function printedBy({
  env = {},
  name,
  code,
  prepare,
  meanwhile,
  timeoutMs = 60_000,
}: RunningSpec): Promise<string> {
  await using scratch = await createScratchFolder();
  const data = await scratch.folder('data');
  await prepare(data);
  const variables = { ...sshGatewayEnv(), JUPYTER_PATH: data, KERNEL_LAUNCH_TIMEOUT: '180', ...env };
  await using gateway = await startMortalGateway({ scratch, env: variables });
  const id = await startKernel(gateway, name);
  try {
    await using client = await openRawClient({ server: gateway, kernelId: id });
    const request = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
    const cell = client.send('shell', 'execute_request', request);
    await until({ what: 'the answer of the kernel', timeoutMs }, () =>
      client.messages.some(({ channel, parent_header: parent }) => channel === 'shell' && parent.msg_id === cell),
    );
    const isText = ({ header, parent_header: parent }: (typeof client.messages)[number]): boolean =>
      parent.msg_id === cell && ['stream', 'error'].includes(header.msg_type);
    await client.message(
      ({ parent_header: parent, content }) => parent.msg_id === cell && content['execution_state'] === 'idle',
      'idle',
    );
    await meanwhile?.();
    const texts = client.messages.filter(isText).map(({ content }) => content['text'] ?? content['traceback']);
    return texts.join('');
  } finally {
    expect((await gateway.request(`api/kernels/${id}`, { method: 'DELETE' })).status).toBe(204);
  }
}

/** Puts what jupyter-ssh-spec writes into a Jupyter folder. */
function installed(...options: readonly string[]): RunningSpec['prepare'] {
  return async (data) => {
    const program = join(workspaceFolder, 'apps', 'cli', 'dist', 'bin', 'jupyter-ssh-spec.js');
    const prefix = join(data, '..', 'prefix');
    const { exitCode, stderr } = await runProgram({
      command: [process.execPath, program, 'install', '--prefix', prefix, ...options],
      cwd: data,
      env: { PATH: process.env['PATH'] ?? '', HOME: data },
      timeoutMs: 60_000,
    });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    await cp(join(prefix, 'share', 'jupyter'), data, { recursive: true });
  };
}

const WHERE = 'import getpass, socket; print(getpass.getuser(), socket.gethostname())';

afterAll(async () => {
  for (const host of ['1', '2']) {
    await until({ what: 'nothing left on the host', timeoutMs: 30_000 }, async () => {
      return (await processesOn(host)).length === 0;
    });
    expect(await kernelsOn(host)).toEqual([]);
  }
});

describe('kernelspecs of others, unchanged', () => {
  test("Enterprise Gateway's python_distributed, with its variables", async () => {
    const printed = await printedBy({
      name: 'python_distributed',
      code: WHERE,
      env: { GP_REMOTE_USER: '', EG_REMOTE_USER: 'gp', EG_REMOTE_HOSTS: `${host2},` },
      prepare: async (data) => {
        const folder = join(data, 'kernels', 'python_distributed');
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, 'kernel.json'), PYTHON_DISTRIBUTED);
      },
    });
    expect(printed).toBe('gp gp-ssh-2\n');
  }, 180_000);

  test('what jupyter-ssh-spec writes', async () => {
    const plain = { name: 'ssh_python', code: WHERE, prepare: installed('--remote-hosts', host1) };
    expect(await printedBy(plain)).toBe('gp gp-ssh-1\n');
  }, 180_000);

  test('what it writes for R: the host needs nothing of ours for its listener', async () => {
    requiredFile({ variable: 'GP_TEST_R', script: 'tools/testbeds/r.sh' });
    const printed = await printedBy({
      name: 'ssh_r',
      code: 'cat(Sys.info()[["user"]], Sys.info()[["nodename"]])',
      timeoutMs: 120_000,
      prepare: installed('--language', 'R', '--remote-hosts', host1),
      meanwhile: async () => {
        expect((await processesOn('1')).join('\n')).toMatch(/launchers\/\w+\/scripts\/server_listener\.py/);
      },
    });
    expect(printed).toBe('gp gp-ssh-1');
  }, 300_000);

  test('what it writes for Python with Spark', async () => {
    const spark = sparkTestbed();
    const printed = await printedBy({
      name: 'ssh_python_spark',
      // Spark is in a folder that is root's alone here.
      env: { GP_REMOTE_USER: 'root', GP_REMOTE_DIR: '/tmp/gateway-provisioners' },
      code: 'import socket; print(socket.gethostname(), sc.parallelize(range(10)).filter(lambda n: n % 2 == 0).sum())',
      timeoutMs: 180_000,
      prepare: installed(
        ...['--spark', '--spark-home', spark.sparkHome, '--spark-master', 'local[2]', '--remote-hosts', host1],
        ...['--python-root', dirname(dirname(spark.python)), '--extra-spark-opts', '--conf spark.ui.enabled=false'],
      ),
    });
    expect(printed).toContain('gp-ssh-1 20');
  }, 400_000);

  test.each(sparkClients)(
    "Enterprise Gateway's $name, on the remote host",
    async (client) => {
      const spark = sparkTestbed();
      const printed = await printedBy({
        name: client.name,
        code: client.code,
        timeoutMs: 180_000,
        prepare: async (data) => {
          const folder = join(data, 'kernels', client.name);
          await mkdir(join(folder, 'bin'), { recursive: true });
          await writeFile(join(folder, 'kernel.json'), sparkClientSpec(client, spark));
          await writeFile(join(folder, 'bin', 'run.sh'), sparkClientScript(client));
          await chmod(join(folder, 'bin', 'run.sh'), 0o755);
          await client.fill(folder, spark);
        },
      });
      expect(printed).toContain('gp-ssh-1 20');
    },
    400_000,
  );
});
