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

export interface PythonTestRun {
  readonly results: ReadonlyMap<string, PythonTestResult>;
  /** What the clients asked of the server, counted by themselves: "websockets", "messages", "requests POST", … */
  readonly traffic: Readonly<Record<string, number>>;
}

/**
 * Runs a file of `tools/integration/python` against a server. A test with parts counts as failed when any part failed,
 * as skipped only when all were. Errors: pytest did not run its tests (its output is in the text).
 */
export async function runPythonTests(options: {
  readonly file: string;
  readonly server: RunningServer;
  readonly timeoutMs: number;
}): Promise<PythonTestRun> {
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
  return readResults(lines.map((line): unknown => JSON.parse(line)));
}

export function readResults(lines: readonly unknown[]): PythonTestRun {
  const results = new Map<string, PythonTestResult>();
  let traffic: PythonTestRun['traffic'] = {};
  for (const line of lines) {
    if (isTraffic(line)) {
      traffic = line.traffic;
      continue;
    }
    if (!isResult(line)) throw new Error(`not a result: ${JSON.stringify(line)}`);
    const { name, outcome, text } = line;
    const before = results.get(name);
    if (outcome === 'failed') {
      results.set(name, { outcome, text: [before?.outcome === 'failed' ? before.text : '', text].join('\n').trim() });
    } else if (before === undefined || (before.outcome === 'skipped' && outcome === 'passed')) {
      results.set(name, { outcome, text: '' });
    }
  }
  return { results, traffic };
}

function isTraffic(line: unknown): line is { readonly traffic: Readonly<Record<string, number>> } {
  return typeof line === 'object' && line !== null && 'traffic' in line;
}

function isResult(line: unknown): line is PythonTestResult & { readonly name: string } {
  return typeof line === 'object' && line !== null && 'name' in line && 'outcome' in line && 'text' in line;
}
