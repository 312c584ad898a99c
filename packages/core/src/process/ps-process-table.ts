import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errorMessage, ProvisionerError } from '../errors.ts';
import type { MarkedProcess, ProcessEntry, ProcessTable } from './process-table.ts';

/** Runs `ps` with these arguments and gives its output. */
export type RunPs = (args: readonly string[]) => Promise<string>;

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const PS_TIMEOUT_MS = 10_000;
const COLUMNS = 'pid=,pgid=,stat=,lstart=';

/** Processes as `ps` shows them, for systems without `/proc`. */
export function psProcessTable(options: { readonly runPs?: RunPs } = {}): ProcessTable {
  const runPs = options.runPs ?? systemPs;
  const all = async (): Promise<readonly ProcessEntry[]> => parsePs(await runPs(['-axo', COLUMNS]));
  return {
    async lookup(pids) {
      if (pids.length === 0) return new Map();
      const wanted = new Set(pids);
      // `ps -p` fails when none of them lives; the whole list is as cheap and never does.
      const entries = (await all()).filter(({ pid }) => wanted.has(pid));
      return new Map(entries.map((entry) => [entry.pid, entry]));
    },
    async groupMembers(pgid) {
      return (await all()).filter((entry) => entry.pgid === pgid);
    },
    async withVariable(name) {
      // -E appends the environment to the command of one's own processes; -ww keeps lines whole.
      return parsePsWithEnvironment(await runPs(['-axwwE', '-o', `${COLUMNS},command=`]), name);
    },
  };
}

// `  123   123 Ss   Fri Nov 21 12:10:01 2025`: the start is always five words.
const LINE = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)(.*)$/;

/** Live processes from lines of pid, pgid, state and start. */
export function parsePs(output: string): readonly ProcessEntry[] {
  return parseLines(output).map(({ entry }) => entry);
}

/** Those whose line, after command and arguments, has `NAME=value`. */
export function parsePsWithEnvironment(output: string, name: string): readonly MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const { entry, rest } of parseLines(output)) {
    const wanted = ` ${name}=`;
    // The environment comes after the arguments, so the last occurrence is the variable.
    const at = rest.lastIndexOf(wanted);
    if (at === -1) continue;
    const [value = ''] = rest.slice(at + wanted.length).split(' ', 1);
    found.push({ ...entry, value });
  }
  return found;
}

function parseLines(output: string): readonly { readonly entry: ProcessEntry; readonly rest: string }[] {
  return output.split('\n').flatMap((line) => {
    const [, pid, pgid, state, start, rest = ''] = LINE.exec(line) ?? [];
    if (pid === undefined || pgid === undefined || start === undefined || state?.startsWith('Z') !== false) return [];
    const entry = { pid: Number(pid), pgid: Number(pgid), startTime: start.replace(/\s+/g, ' ') };
    return [{ entry, rest }];
  });
}

const execFileAsync = promisify(execFile);

async function systemPs(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execFileAsync('ps', args, {
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT_BYTES,
      timeout: PS_TIMEOUT_MS,
      // Start times must compare equal whatever language and time zone the host has been restarted with.
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
    });
    return stdout;
  } catch (error) {
    throw new ProvisionerError('INTERNAL', `ps failed: ${errorMessage(error)}`, { cause: error });
  }
}
