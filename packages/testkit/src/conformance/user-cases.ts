import assert from 'node:assert/strict';
import { isProvisionerError } from '@gateway-provisioners/core';
import type { JsonObject } from '@gateway-provisioners/core';
import type { ConformanceBench } from './conformance-bench.ts';
import type { CaseBody } from './launch-cases.ts';

/** Who may start kernels, by the settings that every provisioner has. */
export const userCases: Readonly<Record<string, CaseBody>> = {
  async 'users: root, who is in unauthorized_users and who is not in authorized_users are refused before anything exists'(
    bench,
  ) {
    await assertRefused(bench, { owner: 'root', config: {}, words: 'is not authorized to start kernel' });
    await assertRefused(bench, {
      owner: 'mallory',
      config: { unauthorized_users: ['mallory'], authorized_users: ['mallory'] },
      words: 'is not authorized to start kernel',
    });
    await assertRefused(bench, {
      owner: 'Alice',
      config: { authorized_users: 'alice, bob' },
      words: 'is not in the set of users authorized to start kernel',
    });
  },

  async 'users: who is in authorized_users starts kernels'(bench) {
    const provisioner = await bench.provisionerWith({ authorized_users: ['bob', 'alice'] });
    await bench.connect(await bench.launch(provisioner, bench.context({ owner: 'alice' }).context));
  },
};

async function assertRefused(
  bench: ConformanceBench,
  expected: { readonly owner: string; readonly config: JsonObject; readonly words: string },
): Promise<void> {
  const { owner, config, words } = expected;
  const provisioner = await bench.provisionerWith(config);
  const { context, checkpoints } = bench.context({ owner });
  const phases: string[] = [];
  const launching = provisioner.launch(context, {
    signal: bench.signal,
    progress: ({ phase }) => {
      phases.push(phase);
    },
  });
  const error: unknown = await launching.then(
    (kernel) => {
      bench.adopt(kernel);
      return undefined;
    },
    (reason: unknown) => reason,
  );
  assert.ok(isProvisionerError(error, 'FORBIDDEN'), `not FORBIDDEN: ${String(error)}`);
  const sentence = `User '${owner}' ${words} '${context.kernelSpec.displayName}'.`;
  assert.ok(error.message.startsWith(sentence), `not "${sentence} …": ${error.message}`);
  assert.deepEqual({ checkpoints, phases }, { checkpoints: [], phases: [] }, 'something was begun');
  await bench.assertNothingLeft([context]);
}
