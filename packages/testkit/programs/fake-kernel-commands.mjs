/**
 * The language of the fake kernel: one command a line, words separated by one space.
 *
 *   print TEXT | eprint TEXT    stream output           log TEXT        line to the process's own stderr
 *   set NAME VALUE | get NAME   state, execute_result   stream N SIZE   N stream messages of SIZE bytes each
 *   sleep MS                    can be interrupted      busy MS         answers nothing at all meanwhile
 *   input PROMPT                prints what was typed   password PROMPT the same, as a password
 *   pid | cwd | env NAME        stream output, as JSON  argv            the same
 *   display-buffers [SIZE]      display_data with two buffers
 *   spawn group|session         starts a stubborn process, prints its pid
 *   raise NAME TEXT             an error                fail TEXT       the same, named FakeKernelError
 *   exit CODE                   ends the process        crash           SIGKILL to itself
 */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export async function runCommand(line, context) {
  const [, name, rest] = /^\s*(\S*) ?(.*)$/s.exec(line);
  if (name === '' || name.startsWith('#')) return;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new Error(`unknown command ${JSON.stringify(name)}`);
  await command(rest, context);
  if (context.signal.aborted) throw new Error('interrupted');
}

/** Starts a process that SIGINT, SIGTERM and SIGHUP do not end; resolves with its pid once it ignores them. */
export async function spawnStubborn({ detached }) {
  const child = spawn('/bin/sh', ['-c', "trap '' INT TERM HUP; echo ready; exec sleep 100000"], {
    detached,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout.once('data', resolve);
  });
  child.stdout.destroy();
  child.unref();
  return child.pid;
}

const commands = {
  print: (text, context) => stream(context, 'stdout', `${text}\n`),
  eprint: (text, context) => stream(context, 'stderr', `${text}\n`),
  log: (text) => void writeSync(2, `${text}\n`),
  set(rest, { kernel }) {
    const [name, ...value] = rest.split(' ');
    kernel.variables.set(name, value.join(' '));
  },
  async get(name, { kernel, request, executionCount }) {
    const text = kernel.variables.get(name);
    if (text === undefined) throw named('NameError', name);
    const content = { execution_count: executionCount, data: { 'text/plain': text }, metadata: {} };
    await kernel.publish('execute_result', content, { parent: request });
  },
  async stream(rest, context) {
    const [count, size] = rest.split(' ').map(Number);
    const text = 'x'.repeat(size);
    for (let i = 0; i < count; i += 1) {
      await stream(context, 'stdout', text);
      // Sends resolve within one turn: let signals and the control channel have theirs.
      if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
      if (context.signal.aborted) return;
    }
  },
  async sleep(ms, { signal }) {
    await sleep(Number(ms), undefined, { signal });
  },
  busy(ms) {
    const end = performance.now() + Number(ms);
    while (performance.now() < end);
  },
  input: (prompt, context) => input(context, { prompt, password: false }),
  password: (prompt, context) => input(context, { prompt, password: true }),
  pid: (_, context) => stream(context, 'stdout', `${process.pid}\n`),
  cwd: (_, context) => stream(context, 'stdout', `${JSON.stringify(process.cwd())}\n`),
  argv: (_, context) => stream(context, 'stdout', `${JSON.stringify(process.argv.slice(2))}\n`),
  env: (name, context) => stream(context, 'stdout', `${JSON.stringify(process.env[name] ?? null)}\n`),
  async 'display-buffers'(size, { kernel, request }) {
    const bytes = Number(size || '8');
    const content = { data: { 'text/plain': `two buffers of ${bytes}` }, metadata: {}, transient: {} };
    const buffers = [Buffer.alloc(bytes, 1), Buffer.alloc(bytes, 2)];
    await kernel.publish('display_data', content, { parent: request, buffers });
  },
  async spawn(mode, context) {
    await stream(context, 'stdout', `${await spawnStubborn({ detached: mode === 'session' })}\n`);
  },
  raise(rest) {
    const [name, ...text] = rest.split(' ');
    throw named(name, text.join(' '));
  },
  fail(text) {
    throw new Error(text);
  },
  exit: (code) => process.exit(Number(code || '0')),
  async crash() {
    process.kill(process.pid, 'SIGKILL');
    await sleep(10_000);
  },
};

async function stream({ kernel, request }, name, text) {
  await kernel.publish('stream', { name, text }, { parent: request });
}

async function input(context, { prompt, password }) {
  if (context.request.content.allow_stdin === false) throw named('StdinNotImplementedError', 'no stdin here');
  const value = await context.kernel.ask(context.request, { prompt, password, signal: context.signal });
  await stream(context, 'stdout', `${value}\n`);
}

function named(ename, message) {
  return Object.assign(new Error(message), { ename });
}
