import { randomBytes } from 'node:crypto';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { SshExecOptions, SshExecResult } from '../ssh/ssh-connection.ts';
import { quote } from './quote.ts';

/** What runs /bin/sh somewhere with a program on its standard input. */
export interface ShellHost {
  readonly name: string;
  exec(options: SshExecOptions): Promise<SshExecResult>;
}

export interface ShellProgram {
  /** Defines `gp_main`, whose output is the result. */
  readonly body: string;
  /** Variables of the program, which are not in the environment of what it starts. Names begin with `gp_`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The program as text, with marks around its output: what a login shell's profile prints comes before the first. */
export function frameProgram(program: ShellProgram, mark: string): string {
  const assignments = Object.entries(program.variables).map(([name, value]) => `${name}=${quote(value)}\n`);
  return [
    'gp_umask=$(umask)\numask 077\nset -f\n',
    ...assignments,
    program.body,
    `\nprintf '\\n%s-begin\\n' ${mark}\n`,
    // What is started must not read the rest of the program.
    'gp_main </dev/null\n',
    `printf '\\n%s-end %s\\n' ${mark} "$?"\nexit 0\n`,
  ].join('');
}

/**
 * Runs a program and returns what it printed. Errors: `HOST_COMMAND_FAILED` when it did not come to its end or ended with
 * another status than 0, with what was printed; those of the connection.
 */
export async function runProgram(
  host: ShellHost,
  program: ShellProgram,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Buffer> {
  const mark = `gp-${randomBytes(16).toString('hex')}`;
  const stdin = Buffer.from(frameProgram(program, mark));
  const result = await host.exec({ stdin, signal: options.signal });
  const framed = between(result.stdout, `\n${mark}-begin\n`, `\n${mark}-end `);
  if (framed?.status === '0') return framed.output;
  const printed = [framed?.output ?? result.stdout, result.stderr].map((part) => part.toString('utf8').trim());
  const text = printed
    .filter((part) => part !== '')
    .join('\n')
    .slice(-2000);
  const how =
    framed === undefined ? `its shell ended with status ${String(result.exitCode)}` : `status ${framed.status}`;
  throw new ProvisionerError('HOST_COMMAND_FAILED', `a program on the host failed (${how}): ${text || 'no output'}`, {
    coordinates: { host: host.name },
  });
}

function between(
  output: Buffer,
  begin: string,
  end: string,
): { readonly output: Buffer; readonly status: string } | undefined {
  const start = output.indexOf(begin);
  const stop = output.lastIndexOf(end);
  if (start === -1 || stop < start) return undefined;
  const from = start + begin.length;
  // With nothing printed, the line feeds of both marks are one.
  const content = output.subarray(from, Math.max(from, stop));
  return { output: content, status: output.toString('latin1', stop + end.length).trim() };
}
