import { expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { openLabNotebook, startJupyterLab } from '../clients/jupyterlab.ts';
import { startBrowser } from '../support/browser.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { startServer } from '../support/server-process.ts';
import { testPython } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { kernelsOn, processesOn, sshKernelSpec, sshVariable } from './ssh-hosts.ts';

test('JupyterLab, through the gateway, works with kernels on a host that is reachable by port 22 only', async () => {
  const resources = new ResourceStack();
  try {
    const spec = resources.use(await sshKernelSpec([sshVariable('GP_SSH_ISLAND_HOST')], { tunneling: true }));
    const definition = { ...gatewayDefinition(), env: spec.env };
    const gateway = resources.use(await startServer({ definition, python: testPython() }));
    const lab = resources.use(await startJupyterLab({ gateway }));
    const browser = resources.use(await startBrowser());
    const cells = [
      `import socket\nkept = 'kept'\nprint(socket.gethostname())`,
      `print('running', flush=True)\nwhile True: pass`,
      `print(kept)`,
    ];
    await browser.withPage({ name: 'ssh', servers: [lab, gateway] }, async (page) => {
      const notebook = await openLabNotebook({ lab, page, name: 'ssh', cells });
      const shows = async (cell: number, expected: string): Promise<void> => {
        await until({ what: `${expected} in cell ${cell}`, timeoutMs: 60_000 }, async () =>
          ((await notebook.output(cell).textContent()) ?? '').includes(expected),
        );
      };
      await notebook.run(0);
      await shows(0, 'gp-ssh-island');
      await notebook.run(1);
      await shows(1, 'running');
      await notebook.tool('interrupt');
      await shows(1, 'KeyboardInterrupt');
      await notebook.run(2);
      await shows(2, 'kept');
      await notebook.idle();
    });
  } finally {
    await resources[Symbol.asyncDispose]();
  }
  await until({ what: 'nothing left on the host', timeoutMs: 30_000 }, async () => {
    return (await processesOn('island')).length === 0;
  });
  expect(await kernelsOn('island')).toEqual([]);
}, 240_000);
