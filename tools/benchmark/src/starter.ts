/**
 * Starts the programs that it is sent, all at once, and ends them when it is disconnected. A process of its own, as a
 * server is: what `fork` costs is then not paid by whoever measures.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

const children: ChildProcess[] = [];

process.on('message', (commands: readonly (readonly string[])[]) => {
  for (const [program = '', ...args] of commands) children.push(spawn(program, args, { stdio: 'ignore' }));
});
process.on('disconnect', () => {
  for (const child of children) child.kill('SIGKILL');
});
