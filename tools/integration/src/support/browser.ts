import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '@gateway-provisioners/core';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { endProcess, processesMarked } from './process-census.ts';
import { createScratchFolder } from './scratch-folder.ts';
import type { RunningServer } from './server-process.ts';
import { testBrowser } from './test-environment.ts';
import { until } from './until.ts';

export interface TestBrowser extends AsyncDisposable {
  /**
   * Runs `work` with a new page. When it fails, a screenshot, what the page told its console and the servers' logs are
   * left in `GP_TEST_ARTIFACTS` (default: a folder in the system's temporary folder), and the error says where.
   */
  withPage(options: WithPageOptions, work: (page: Page) => Promise<void>): Promise<void>;
}

export interface WithPageOptions {
  /** Name of the files that are left. */
  readonly name: string;
  readonly servers: readonly RunningServer[];
}

/** Starts a headless Chromium with a profile of its own, which talks to nobody but the pages under test. */
export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = testBrowser();
  const scratch = await createScratchFolder();
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath,
      env: await scratch.environment(),
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
      ],
    });
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
  return {
    async withPage(options, work) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const consoleLines: string[] = [];
      page.on('console', (message) => consoleLines.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => consoleLines.push(`pageerror: ${error.message}`));
      try {
        await work(page);
      } catch (error) {
        const where = await keepEvidence({ ...options, page, consoleLines });
        throw new Error(`${errorMessage(error)}\n(${where})`, { cause: error });
      } finally {
        await context.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      try {
        await until({ what: 'end of the browser' }, async () => (await processesMarked(scratch.path)).length === 0);
      } finally {
        for (const { pid } of await processesMarked(scratch.path)) endProcess(pid);
        await scratch[Symbol.asyncDispose]();
      }
    },
  };
}

async function keepEvidence(
  evidence: WithPageOptions & { readonly page: Page; readonly consoleLines: readonly string[] },
): Promise<string> {
  const folder = process.env['GP_TEST_ARTIFACTS'] ?? join(tmpdir(), 'gateway-provisioners-tests');
  const stem = join(folder, fileName(evidence.name));
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${stem}.console.log`, evidence.consoleLines.join('\n'));
    for (const server of evidence.servers) await writeFile(`${stem}.${fileName(server.name)}.log`, server.log());
    await evidence.page.screenshot({ path: `${stem}.png` });
    return `screenshot and logs: ${stem}.*`;
  } catch (error) {
    return `no screenshot: ${errorMessage(error)}`;
  }
}

function fileName(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/gi, '-');
}
