import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './run-program.ts';
import type { RunningServer } from './server-process.ts';
import { testPython, workspaceFolder } from './test-environment.ts';

export const pythonTestsFolder = join(workspaceFolder, 'tools', 'integration', 'python');

export interface PythonTestResult {
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed; empty otherwise. */
  readonly text: string;
}

/** The results of one file of pytest tests, by name. */
export type PythonTestResults = ReadonlyMap<string, PythonTestResult>;

/**
 * Runs a file of `tools/integration/python` against a server. A test with parts counts as failed when any part failed,
 * as skipped only when all were. Errors: pytest did not run its tests (its output is in the text).
 */
export async function runPythonTests(options: {
  readonly file: string;
  readonly server: RunningServer;
  readonly timeoutMs: number;
}): Promise<PythonTestResults> {
  const python = testPython();
  const { scratch, url } = options.server;
  const resultsFile = join(await scratch.folder('results'), `${options.file}.jsonl`);
  const { exitCode, stdout, stderr } = await runProgram({
    command: [python, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', options.file],
    cwd: pythonTestsFolder,
    env: await scratch.environment({
      python,
      extra: { GP_TEST_GATEWAY_URL: url, GP_TEST_RESULTS: resultsFile, PYTHONDONTWRITEBYTECODE: '1' },
    }),
    timeoutMs: options.timeoutMs,
  });
  // 0: all passed; 1: some failed. Anything else is no result at all.
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`pytest ended with ${String(exitCode)}\n${stdout}\n${stderr}`);
  const lines = (await readFile(resultsFile, 'utf8')).trimEnd().split('\n');
  return mergeResults(lines.map((line) => JSON.parse(line) as ResultLine));
}

interface ResultLine extends PythonTestResult {
  readonly name: string;
}

export function mergeResults(lines: readonly ResultLine[]): PythonTestResults {
  const results = new Map<string, PythonTestResult>();
  for (const { name, outcome, text } of lines) {
    const before = results.get(name);
    if (outcome === 'failed') {
      results.set(name, { outcome, text: [before?.outcome === 'failed' ? before.text : '', text].join('\n').trim() });
    } else if (before === undefined || (before.outcome === 'skipped' && outcome === 'passed')) {
      results.set(name, { outcome, text: '' });
    }
  }
  return results;
}
