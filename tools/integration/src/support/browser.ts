import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '@gateway-provisioners/core';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { processesMarked } from './process-census.ts';
import { createScratchFolder } from './scratch-folder.ts';
import { testBrowser } from './test-environment.ts';
import { until } from './until.ts';

export interface TestBrowser extends AsyncDisposable {
  /**
   * Runs `work` with a new page. When it fails, a screenshot and what the page told its console are left in
   * `GP_TEST_ARTIFACTS` (default: a folder in the system's temporary folder), and the error says where.
   */
  withPage(name: string, work: (page: Page) => Promise<void>): Promise<void>;
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
    async withPage(name, work) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      const consoleLines: string[] = [];
      page.on('console', (message) => consoleLines.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => consoleLines.push(`pageerror: ${error.message}`));
      try {
        await work(page);
      } catch (error) {
        const where = await keepEvidence({ name, page, consoleLines });
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
        for (const { pid } of await processesMarked(scratch.path)) process.kill(pid, 'SIGKILL');
        await scratch[Symbol.asyncDispose]();
      }
    },
  };
}

async function keepEvidence(evidence: {
  readonly name: string;
  readonly page: Page;
  readonly consoleLines: readonly string[];
}): Promise<string> {
  const folder = process.env['GP_TEST_ARTIFACTS'] ?? join(tmpdir(), 'gateway-provisioners-tests');
  const stem = join(folder, evidence.name.replaceAll(/[^a-z0-9]+/gi, '-'));
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${stem}.log`, evidence.consoleLines.join('\n'));
    await evidence.page.screenshot({ path: `${stem}.png` });
    return `screenshot: ${stem}.png, console: ${stem}.log`;
  } catch (error) {
    return `no screenshot: ${errorMessage(error)}`;
  }
}
