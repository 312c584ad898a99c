import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { requiredVariable, workspaceFolder } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { runnerWith } from './compose-project.ts';

/** Of what Jest writes with `--json`. */
interface Results {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const image = 'gp-test/node';
const needed = (variable: string) => requiredVariable({ variable, script: 'tools/testbeds/swarm.sh' });
const bind = (source: string, more = '') => ['--mount', `type=bind,source=${source},target=${source}${more}`];

/** This machine reaches no task on an overlay network: the suite itself runs as one, on the manager's node. */
test('docker-swarm-provisioner conforms where the gateway is a task on an overlay network', async () => {
  await using scratch = await createScratchFolder();
  const managers = needed('GP_SWARM_HOST');
  const workers = needed('GP_DOCKER_NODE2_HOST');
  const overlay = needed('GP_SWARM_OVERLAY');
  const run = runnerWith({ DOCKER_HOST: managers });
  const docker = async (...args: readonly string[]) => (await run('docker', ...args)).trim();
  const engine = requiredVariable({ variable: 'DOCKER_HOST', script: 'tools/testbeds/images.sh' });
  await run('/bin/sh', '-c', `docker -H '${engine}' save ${image} | docker load --quiet`);
  const subnet = await docker('network', 'inspect', overlay, '--format', '{{(index .IPAM.Config 0).Subnet}}');
  const prefix = subnet.replace(/\d+\/\d+$/, '');

  const output = await scratch.folder('results');
  const variables = {
    GP_SWARM_HOST: managers,
    GP_DOCKER_NODE2_HOST: workers,
    GP_SWARM_OVERLAY: overlay,
    GP_TEST_SWARM_OVERLAY_PREFIX: prefix,
  };
  const jest = ['node', '--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const name = `gp-test-${randomUUID().slice(0, 8)}`;
  await docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', name, '--network', overlay],
    ...['--restart-condition', 'none', '--endpoint-mode', 'dnsrr', '--constraint', 'node.labels.gp.node==1'],
    ...bind(workspaceFolder, ',readonly'),
    ...bind(output),
    ...[managers, workers].flatMap((host) => bind(host.replace('unix://', ''))),
    ...Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...['--workdir', workspaceFolder, image, ...jest, '--config', 'jest.integration.config.mjs', '--runInBand'],
    ...['--forceExit', '--json', '--outputFile', join(output, 'results.json')],
    'packages/provisioner-swarm/src/swarm-provisioner',
  );
  try {
    const state = await until({ what: 'the end of the suite', timeoutMs: 800_000, everyMs: 1_000 }, async () => {
      const now = await docker('service', 'ps', name, '--no-trunc', '--format', '{{.CurrentState}} {{.Error}}');
      return /^(Complete|Failed|Rejected|Shutdown|Orphaned)/.test(now) ? now : undefined;
    });
    const results = await readFile(join(output, 'results.json'), 'utf8').catch(async (cause: unknown) => {
      throw new Error(`${state}\n${await docker('service', 'logs', '--raw', name)}`, { cause });
    });
    const { numPassedTests, testResults } = JSON.parse(results) as Results;
    const failures = testResults.flatMap(({ message, assertionResults }) =>
      assertionResults.length === 0
        ? [message]
        : assertionResults.flatMap(({ status, fullName, failureMessages }) =>
            status === 'failed' ? [`${fullName}\n${failureMessages.join('\n')}`] : [],
          ),
    );
    expect(failures).toEqual([]);
    expect(numPassedTests).toBeGreaterThan(35);
    // Tests of what only a task on the network can do.
    const names = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName }) => fullName));
    expect(names.filter((test) => test.includes('reached by name'))).toHaveLength(2);
  } finally {
    await docker('service', 'rm', name);
  }
}, 900_000);
