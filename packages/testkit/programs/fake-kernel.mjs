#!/usr/bin/env node
/**
 * A Jupyter kernel without a language: speaks the messaging protocol over libzmq and understands the few commands of
 * `fake-kernel-commands.mjs`. Plain JavaScript, so that tests can run it without a build.
 *
 *     node fake-kernel.mjs CONNECTION_FILE [options]
 *
 * Options (all for tests of what goes wrong):
 *   --exit-code=N        write --stderr, then exit with N before any socket is bound
 *   --stderr=TEXT        write TEXT to stderr at start
 *   --start-delay-ms=N   wait before binding
 *   --never-binds        live, but bind nothing
 *   --never-answers      bind, but read nothing
 *   --bad-signatures     sign with another key
 *   --ignore=LIST        comma list of sigint, sigterm, shutdown
 *   --grandchild=MODE    start a process that ignores SIGINT, SIGTERM and SIGHUP: `group` in the kernel's process
 *                        group, `session` in a session of its own
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FakeKernel } from './fake-kernel-behaviour.mjs';
import { spawnStubborn } from './fake-kernel-commands.mjs';
import { bindSockets } from './fake-kernel-sockets.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'exit-code': { type: 'string' },
    stderr: { type: 'string' },
    'start-delay-ms': { type: 'string', default: '0' },
    'never-binds': { type: 'boolean', default: false },
    'never-answers': { type: 'boolean', default: false },
    'bad-signatures': { type: 'boolean', default: false },
    ignore: { type: 'string', default: '' },
    grandchild: { type: 'string' },
  },
});

const [connectionFile] = positionals;
if (connectionFile === undefined) {
  process.stderr.write('usage: fake-kernel.mjs CONNECTION_FILE [options]\n');
  process.exit(2);
}
if (values.stderr !== undefined) process.stderr.write(`${values.stderr}\n`);
if (values['exit-code'] !== undefined) process.exit(Number(values['exit-code']));

const ignored = new Set(values.ignore.split(',').filter((name) => name !== ''));
if (ignored.has('sigterm')) process.on('SIGTERM', () => undefined);
if (ignored.has('sigint')) process.on('SIGINT', () => undefined);

endWithParent(process.env.JPY_PARENT_PID);
if (values.grandchild !== undefined) await spawnStubborn({ detached: values.grandchild === 'session' });
if (values['start-delay-ms'] !== '0') await sleep(Number(values['start-delay-ms']));

if (values['never-binds']) {
  stayAlive();
} else {
  const info = JSON.parse(await readFile(connectionFile, 'utf8'));
  const sockets = await bindSockets(info).catch((error) => {
    process.stderr.write(`fake-kernel: cannot bind: ${error.message}\n`);
    process.exit(1);
  });
  const kernel = new FakeKernel({
    sockets,
    key: values['bad-signatures'] ? `not-${info.key}` : info.key,
    verificationKey: info.key,
    ignoresShutdown: ignored.has('shutdown'),
  });
  if (!ignored.has('sigint')) {
    process.on('SIGINT', () => kernel.interrupt());
    const alternate = process.env.EG_ALTERNATE_SIGINT;
    if (alternate !== undefined) process.on(alternate, () => kernel.interrupt());
  }
  if (values['never-answers']) stayAlive();
  else await kernel.run();
}

function stayAlive() {
  setInterval(() => undefined, 60_000);
}

/** What ipykernel does with JPY_PARENT_PID: ends when that process is gone. */
function endWithParent(text) {
  const parent = Number(text);
  if (!Number.isInteger(parent) || parent < 1) return;
  setInterval(() => {
    try {
      process.kill(parent, 0);
    } catch {
      process.exit(1);
    }
  }, 100).unref();
}
