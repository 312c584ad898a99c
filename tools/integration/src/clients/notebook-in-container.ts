import { expect } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { openLabNotebook, startJupyterLab } from './jupyterlab.ts';
import { startBrowser } from '../support/browser.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { startServer } from '../support/server-process.ts';
import { testPython } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import type { ContainerKernels } from '../docker/container-kernels.ts';

const cells = [
  `import os\nkept = 'kept'\nprint(os.environ['KERNEL_ID'], os.path.exists('/.dockerenv'), os.getuid())`,
  `print('running', flush=True)\nwhile True: pass`,
  `print(kept)\n6 * 7`,
  `print('hello ' + input('Name? '))`,
];

/** JupyterLab, through the gateway, runs a notebook on the kernelspec `python3` there: the one that the notebook names. */
export async function runNotebookInContainer(open: () => Promise<ContainerKernels>): Promise<void> {
  const resources = new ResourceStack();
  let left: (() => Promise<readonly string[]>) | undefined;
  const kernels = await open();
  try {
    const definition = { ...gatewayDefinition(), env: kernels.env };
    const gateway = resources.use(await startServer({ definition, python: testPython() }));
    const lab = resources.use(await startJupyterLab({ gateway }));
    const browser = resources.use(await startBrowser());
    await browser.withPage({ name: 'container', servers: [lab, gateway] }, async (page) => {
      const notebook = await openLabNotebook({ lab, page, name: 'container', cells });
      const shows = async (cell: number, expected: string): Promise<void> => {
        await until({ what: `${expected} in cell ${String(cell)}`, timeoutMs: 60_000 }, async () =>
          ((await notebook.output(cell).textContent()) ?? '').includes(expected),
        );
      };
      const [{ id: kernelId }] = (await (await gateway.request('api/kernels')).json()) as [{ id: string }];
      left = () => kernels.leftovers(kernelId);
      expect(await left()).toHaveLength(1);
      await notebook.run(0);
      await shows(0, `${kernelId} True 1000`);
      await notebook.run(1);
      await shows(1, 'running');
      await notebook.tool('interrupt');
      await shows(1, 'KeyboardInterrupt');
      await notebook.run(2);
      await shows(2, 'kept');
      await shows(2, '42');
      await notebook.run(3);
      const input = notebook.output(3).locator('input.jp-Stdin-input');
      await input.fill('Lab');
      await input.press('Enter');
      await shows(3, 'hello Lab');
      await notebook.tool('restart');
      await page.locator('.jp-Dialog .jp-mod-accept').click();
      await page.locator('.jp-Dialog').waitFor({ state: 'detached' });
      await notebook.idle();
      await notebook.run(2);
      await shows(2, 'NameError');
      expect(await left()).toHaveLength(1);
      expect(await page.locator('.jp-Dialog').count()).toBe(0);
    });
  } finally {
    await resources[Symbol.asyncDispose]();
    try {
      // The gateway has ended, and its kernels with it.
      expect(await left?.()).toEqual([]);
    } finally {
      await kernels[Symbol.asyncDispose]();
    }
  }
}
