import { afterEach, expect, test } from '@jest/globals';
import { silentLogger } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import type { KernelHost } from './hosts/kernel-host.ts';
import { KernelWatch } from './hosts/kernel-watch.ts';
import { LocalHost } from './hosts/local-host.ts';
import { placesOf } from './kernel-start.ts';
import { RemoteProcess } from './remote-process.ts';
import type { SshExecOptions, SshExecResult } from './ssh/ssh-connection.ts';

/** A host whose programs are in the hands of a test: each question waits for its answer. */
class ManualHost extends LocalHost {
  readonly questions: { readonly mark: string; readonly answer: (result: SshExecResult) => void }[] = [];
  watch: SshExecOptions | undefined;

  override async exec({ stdin }: SshExecOptions): Promise<SshExecResult> {
    const [, mark = ''] = /'\\n%s-begin\\n' (\S+)/.exec(Buffer.from(stdin).toString()) ?? [];
    return await new Promise((resolve) => {
      this.questions.push({ mark, answer: resolve });
    });
  }

  override async execAside(options: SshExecOptions): Promise<SshExecResult> {
    this.watch = options;
    return await new Promise((_resolve, reject) => {
      options.signal?.addEventListener('abort', () => {
        reject(new Error('the watch has ended'));
      });
    });
  }

  /** Answers the oldest question. */
  say(text: string): void {
    const { mark, answer } = this.questions.shift() ?? { mark: '', answer: () => undefined };
    const stdout = Buffer.from(`\n${mark}-begin\n${text}\n${mark}-end 0\n`);
    answer({ stdout, stderr: Buffer.alloc(0), exitCode: 0 });
  }

  /** What the watch prints when it sees that a kernel has ended. */
  tellEndOf(name: string): void {
    const program = Buffer.from(this.watch?.stdin ?? '').toString();
    const [, mark = ''] = /printf '%s %s\\n' (gp-[0-9a-f]+)/.exec(program) ?? [];
    this.watch?.onStdout?.(Buffer.from(`${mark} ${name}\n`));
  }
}

const clock = new ManualClock();
const owner = { instanceId: 'i', kernelId: 'k', incarnation: 1 };
const host = new ManualHost('here', {});
const watch = new KernelWatch({ host, remoteDir: '/nowhere', clock, logger: silentLogger });
afterEach(async () => {
  await watch.dispose();
});

function processOn(of: KernelHost): RemoteProcess {
  const places = placesOf(owner, {}, of);
  return new RemoteProcess({
    host: of,
    places,
    watch,
    graceMs: 0,
    clock,
    logger: silentLogger,
    onReleased: () => undefined,
  });
}

test('an end that the watch tells while the host is being asked is not lost: it tells each once', async () => {
  await using process = processOn(host);
  host.tellEndOf('kernel-k-1');
  host.tellEndOf('kernel-k-1');
  await settle();
  expect(host.questions).toHaveLength(1);
  host.say('alive');
  await settle();
  expect(host.questions).toHaveLength(1);
  host.say('exit 3');
  expect(await process.ended).toMatchObject({ reason: 'exited', exitCode: 3 });
});

test('whoever was told that a kernel lives asks no more', async () => {
  await using process = processOn(host);
  host.tellEndOf('kernel-k-1');
  await settle();
  host.say('alive');
  await settle();
  expect(host.questions).toHaveLength(0);
  expect(process.host).toBe(host);
});
