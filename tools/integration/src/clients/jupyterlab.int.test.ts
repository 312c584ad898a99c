import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { Page } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import type { TestBrowser } from '../support/browser.ts';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import type { RunningServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { openLabNotebook, startJupyterLab } from './jupyterlab.ts';
import type { LabNotebook } from './jupyterlab.ts';

describe('JupyterLab with --gateway-url in a browser', () => {
  const resources = new ResourceStack(); // in order: the browser ends first, the gateway last
  let gateway: RunningServer;
  let lab: RunningServer;
  let browser: TestBrowser;

  beforeAll(async () => {
    gateway = resources.use(await gatewayUnderTest());
    lab = resources.use(await startJupyterLab({ gateway }));
    browser = resources.use(await startBrowser());
  }, 120_000);

  afterAll(async () => {
    await resources[Symbol.asyncDispose]();
  }, 90_000);

  const inNotebook = async (
    name: string,
    cells: readonly string[],
    work: (notebook: LabNotebook, page: Page) => Promise<void>,
  ): Promise<void> => {
    await browser.withPage({ name, servers: [lab, gateway] }, async (page) => {
      await work(await openLabNotebook({ lab, page, name, cells }), page);
    });
  };

  const text = async (notebook: LabNotebook, cell: number): Promise<string> =>
    ((await notebook.output(cell).textContent()) ?? '').trim();

  const eventually = async (notebook: LabNotebook, cell: number, expected: string | RegExp): Promise<void> => {
    let seen = '';
    await until({ what: `output ${String(expected)} in cell ${cell}`, timeoutMs: 60_000 }, async () => {
      seen = await text(notebook, cell);
      return typeof expected === 'string' ? seen.includes(expected) : expected.test(seen);
    }).catch((error: unknown) => {
      throw new Error(`cell ${cell} shows ${JSON.stringify(seen)}, not ${String(expected)}`, { cause: error });
    });
  };

  test('cells run and show streams, results, errors and pictures', async () => {
    const cells = [
      `print('hello é')\n6 * 7`,
      `1 / 0`,
      `from IPython.display import Image, display
import base64
display(Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')))`,
      `name = input('Name? ')\nprint('hello ' + name)`,
    ];
    await inNotebook('run', cells, async (notebook, page) => {
      await notebook.run(0);
      await eventually(notebook, 0, /hello é\s*.*42/);
      await notebook.run(1);
      await eventually(notebook, 1, 'ZeroDivisionError');
      await notebook.run(2);
      await notebook.output(2).locator('img').waitFor();
      await notebook.run(3);
      const input = notebook.output(3).locator('input.jp-Stdin-input');
      await input.fill('Lab');
      await input.press('Enter');
      await eventually(notebook, 3, 'hello Lab');
      await notebook.idle();
      expect(await page.locator('.jp-Dialog').count()).toBe(0);
    });
  });

  test('a busy cell is interrupted and the state is kept', async () => {
    const cells = [`kept = 'kept'\nprint('running', flush=True)\nwhile True: pass`, `print(kept)`];
    await inNotebook('interrupt', cells, async (notebook) => {
      await notebook.run(0);
      await eventually(notebook, 0, 'running');
      await notebook.tool('interrupt');
      await eventually(notebook, 0, 'KeyboardInterrupt');
      await notebook.run(1);
      await eventually(notebook, 1, /^\D*kept$/);
    });
  });

  test('a restarted kernel has forgotten, and runs again', async () => {
    await inNotebook('restart', [`x = 1\nprint('set')`, `x`], async (notebook, page) => {
      await notebook.run(0);
      await eventually(notebook, 0, 'set');
      await notebook.tool('restart');
      await page.locator('.jp-Dialog .jp-mod-accept').click();
      await page.locator('.jp-Dialog').waitFor({ state: 'detached' });
      await notebook.idle();
      await notebook.run(1);
      await eventually(notebook, 1, 'NameError');
      // Nothing claims that the kernel died.
      expect(await page.locator('.jp-Dialog').count()).toBe(0);
      await notebook.run(0);
      await notebook.done(0);
      await notebook.run(1);
      await eventually(notebook, 1, /1$/);
    });
  });

  test('a kernel that dies is announced, comes back, and runs again', async () => {
    await inNotebook('death', [`import os; os._exit(3)`, `print('back')`], async (notebook, page) => {
      await notebook.run(0);
      const dialog = page.locator('.jp-Dialog').filter({ hasText: 'appears to have died' });
      await dialog.waitFor();
      await dialog.locator('.jp-mod-accept').click();
      await notebook.idle();
      await notebook.run(1);
      await eventually(notebook, 1, 'back');
    });
  });

  test('a slider makes the round trip: browser to Python to browser, and back', async () => {
    const cells = [
      `import ipywidgets
slider = ipywidgets.IntSlider(value=10, min=0, max=100, description='value')
label = ipywidgets.Label('nothing yet')
slider.observe(lambda change: setattr(label, 'value', f'python has {change.new}'), 'value')
ipywidgets.VBox([slider, label])`,
      `print('now', slider.value)`,
      `slider.value = 70`,
    ];
    await inNotebook('slider', cells, async (notebook, page) => {
      await notebook.run(0);
      const handle = notebook.output(0).locator('.noUi-handle');
      await handle.waitFor();
      expect(await handle.getAttribute('aria-valuenow')).toBe('10.0');
      await handle.focus();
      for (let press = 0; press < 3; press += 1) await page.keyboard.press('ArrowRight');
      await eventually(notebook, 0, 'python has 13');
      await notebook.run(1);
      await eventually(notebook, 1, 'now 13');

      const box = await handle.boundingBox();
      if (box === null) throw new Error('the handle is not shown');
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2, { steps: 8 });
      await page.mouse.up();
      await eventually(notebook, 0, /python has (1[4-9]|[2-9]\d|100)$/);

      await notebook.run(2);
      await until({ what: 'the slider at 70' }, async () => (await handle.getAttribute('aria-valuenow')) === '70.0');
      await eventually(notebook, 0, 'python has 70');
    });
  });

  test('all of it ran on the gateway', async () => {
    const response = await gateway.request('api/kernels');
    const kernels: unknown = await response.json();
    expect(kernels).toHaveLength(5);
  });
});
