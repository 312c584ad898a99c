import assert from 'node:assert/strict';
import { delay } from '@gateway-provisioners/core';
import type { KernelExit } from '@gateway-provisioners/core';
import type { CaseBody } from './launch-cases.ts';

/** What a kernel that runs promises: interrupt, signals, logs, liveness, and its end. */
export const lifeCases: Readonly<Record<string, CaseBody>> = {
  async 'interrupt: running code stops with an error, state survives'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    const client = await bench.connect(kernel);
    await client.execute(bench.language.setVariable('kept', 'yes'));
    // One that comes before the code runs may end nothing, or the request without an answer: so does ipykernel.
    const { reply } = await client.begin(bench.language.printAndSleep(600_000), { timeoutMs: 60_000 });
    await kernel.interrupt({ signal: bench.signal });
    assert.equal((await reply).content['status'], 'error');
    const { output } = await client.execute(bench.language.printVariable('kept'));
    assert.equal(output.trim(), 'yes');
    assert.equal(await kernel.liveness(), 'alive');
  },

  async 'exited: tells exit code and last log lines of a kernel that ends by itself; kill then cleans up'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    const client = await bench.connect(kernel);
    await client.execute(bench.language.log('conformance: last words'));
    const leaving = client.execute(bench.language.exit(5), { timeoutMs: 60_000 });
    leaving.catch(() => undefined);
    const exit = await bench.exitOf(kernel);
    assert.equal(exit.reason, 'exited');
    assert.equal(exit.exitCode, 5);
    assert.ok(exit.logTail.includes('conformance: last words'), `log tail: ${JSON.stringify(exit.logTail)}`);
    assert.equal(await kernel.liveness(), 'dead');
    await kernel.kill();
  },

  async 'exited: does not settle while the kernel runs'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    await bench.connect(kernel);
    const outcome = await Promise.race([kernel.exited, delay(300, { signal: bench.signal }).then(() => 'running')]);
    assert.equal(outcome, 'running');
  },

  async 'terminate: returns at once, and the kernel ends'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    await bench.connect(kernel);
    await kernel.terminate({ signal: bench.signal });
    assertEndedByUs(await bench.exitOf(kernel));
    assert.equal(await kernel.liveness(), 'dead');
  },

  async 'signal: SIGKILL ends the kernel, and the reason names the signal or says that we did it'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    await bench.connect(kernel);
    await kernel.signal(9, { signal: bench.signal });
    assertEndedByUs(await bench.exitOf(kernel));
  },

  async 'kill: ends a running kernel, settles exited as killed, removes everything, and may be repeated'(bench) {
    const provisioner = await bench.provisioner();
    const { context } = bench.context();
    const kernel = await bench.launch(provisioner, context);
    const client = await bench.connect(kernel);
    client.execute(bench.language.printAndSleep(600_000)).catch(() => undefined);
    await Promise.all([kernel.kill({ signal: bench.signal }), kernel.kill()]);
    assert.equal((await bench.exitOf(kernel)).reason, 'killed');
    await kernel.kill();
    assert.equal(await kernel.liveness(), 'dead');
    await bench.assertNothingLeft([context]);
  },

  async 'gone: interrupt, signal, terminate, logs and endpoint of a killed kernel do nothing and succeed; so does disposing of it twice'(
    bench,
  ) {
    const kernel = await bench.launch(await bench.provisioner());
    const port = kernel.connection.current.info.shell_port;
    await kernel.kill();
    await kernel.interrupt();
    await kernel.signal(15);
    await kernel.terminate();
    assert.equal(typeof (await kernel.logs()), 'string');
    await kernel.endpoint(port);
    assert.equal((await bench.exitOf(kernel)).reason, 'killed');
    await bench.letGo(kernel);
    await bench.letGo(kernel);
  },

  async 'liveness: alive while the kernel runs, dead once exited has settled'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    assert.equal(await kernel.liveness({ signal: bench.signal }), 'alive');
    await kernel.signal(9);
    await bench.exitOf(kernel);
    assert.equal(await kernel.liveness(), 'dead');
  },

  async 'logs: what the kernel wrote to stderr, its last bytes when maxBytes is less'(bench) {
    const kernel = await bench.launch(await bench.provisioner());
    const client = await bench.connect(kernel);
    await client.execute(bench.language.log('conformance: first line'));
    await client.execute(bench.language.log('conformance: ünï line'));
    await bench.eventually(async () => {
      const text = await kernel.logs({ signal: bench.signal });
      const complete = text.includes('conformance: first line\n') && text.includes('conformance: ünï line\n');
      return complete ? undefined : `logs: ${JSON.stringify(text)}`;
    });
    const tail = await kernel.logs({ maxBytes: 12 });
    assert.ok(Buffer.byteLength(tail) <= 12, `longer than asked for: ${JSON.stringify(tail)}`);
    assert.ok('conformance: ünï line\n'.endsWith(tail) && tail.length > 0, `not the tail: ${JSON.stringify(tail)}`);
  },

  async 'dispose: of a kernel and its provisioner leaves no timer or handle behind'(bench) {
    const before = activeResources();
    const provisioner = await bench.provisioner();
    const kernel = await bench.launch(provisioner);
    await kernel.kill();
    await bench.exitOf(kernel);
    await bench.letGo(kernel);
    await provisioner[Symbol.asyncDispose]();
    await bench.eventually(() => Promise.resolve(moreThan(before, activeResources())));
  },
};

function assertEndedByUs(exit: KernelExit): void {
  assert.ok(['killed', 'signalled', 'exited'].includes(exit.reason), `reason ${exit.reason}`);
  if (exit.reason === 'signalled') assert.ok(exit.signal !== undefined, 'signalled, but by which signal?');
}

function activeResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function moreThan(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string | undefined {
  const grown = [...now].filter(([name, count]) => !transient.has(name) && count > (before.get(name) ?? 0));
  return grown.length === 0 ? undefined : `more than before: ${grown.map(([name, n]) => `${n} ${name}`).join(', ')}`;
}

// The suite's own waiting, and file system calls in flight.
const transient: ReadonlySet<string> = new Set(['Immediate', 'FSReqPromise', 'FSReqCallback', 'CloseReq']);
