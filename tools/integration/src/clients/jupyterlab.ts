import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import type { Locator, Page } from 'playwright-core';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { testPython } from '../support/test-environment.ts';

/** JupyterLab with all its kernels on a gateway, as `jupyter lab --gateway-url …` starts it. */
export async function startJupyterLab(options: { readonly gateway: RunningServer }): Promise<RunningServer> {
  const lab = await startServer({
    python: testPython(),
    definition: {
      name: 'JupyterLab',
      command: [
        '{python}',
        '-m',
        'jupyterlab',
        `--gateway-url=${options.gateway.url}`,
        '--ServerApp.ip=127.0.0.1',
        '--ServerApp.port={port}',
        '--ServerApp.port_retries=0',
        '--ServerApp.open_browser=False',
        '--ServerApp.allow_root=True',
        '--IdentityProvider.token={token}',
        '--LabApp.extension_manager=readonly',
      ],
      env: { JUPYTER_GATEWAY_AUTH_TOKEN: options.gateway.token },
    },
  });
  // The question whether to show news from the network would lie over the notebook.
  const folder = await lab.scratch.folder('jupyter-config/labconfig');
  await writeFile(
    join(folder, 'page_config.json'),
    JSON.stringify({ disabledExtensions: { '@jupyterlab/apputils-extension:announcements': true } }),
  );
  return lab;
}

/** A notebook as its user sees it. */
export interface LabNotebook {
  /** The cell's output area. */
  output(cell: number): Locator;
  /** Selects a cell and runs it with Ctrl+Enter, as a user does. */
  run(cell: number): Promise<void>;
  /** Waits until the cell has its execution number: it is done. */
  done(cell: number): Promise<void>;
  /** Clicks a button of the notebook's toolbar. */
  tool(name: 'interrupt' | 'restart'): Promise<void>;
  /** Waits until the status bar says that the kernel is idle. (The toolbar says so before there is a kernel.) */
  idle(): Promise<void>;
}

/** Writes a notebook into the Lab's folder, opens it and waits for its kernel. */
export async function openLabNotebook(options: {
  readonly lab: RunningServer;
  readonly page: Page;
  readonly name: string;
  readonly cells: readonly string[];
}): Promise<LabNotebook> {
  const { lab, page } = options;
  const file = `${options.name}.ipynb`;
  await writeFile(join(await lab.scratch.folder('work'), file), JSON.stringify(notebookOf(options.cells)));
  // A workspace of its own: the default one opens again what another page had open.
  const url = new URL(`lab/workspaces/${options.name}/tree/${file}`, lab.url);
  url.searchParams.set('token', lab.token);
  await page.goto(url.href);
  const cells = page.locator('.jp-Notebook .jp-CodeCell');
  const notebook: LabNotebook = {
    output: (cell) => cells.nth(cell).locator('.jp-OutputArea'),
    async run(cell) {
      await cells.nth(cell).locator('.cm-content').click();
      await page.keyboard.press('Control+Enter');
    },
    async done(cell) {
      const prompt = cells.nth(cell).locator('.jp-InputPrompt');
      await until({ what: `execution number of cell ${cell}`, timeoutMs: 60_000 }, async () =>
        /\[\d+\]/.test((await prompt.textContent()) ?? ''),
      );
    },
    async tool(name) {
      await page.locator(`.jp-NotebookPanel-toolbar [data-jp-item-name="${name}"] [data-command]`).first().click();
    },
    async idle() {
      await page.locator('#jp-main-statusbar').getByText('| Idle').waitFor();
    },
  };
  await cells.nth(options.cells.length - 1).waitFor({ timeout: 60_000 });
  await notebook.idle();
  return notebook;
}

function notebookOf(sources: readonly string[]): unknown {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3 (ipykernel)', language: 'python' } },
    cells: sources.map((source, index) => ({
      id: `cell-${index}`,
      cell_type: 'code',
      execution_count: null,
      metadata: {},
      outputs: [],
      source,
    })),
  };
}
