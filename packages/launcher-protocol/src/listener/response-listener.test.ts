import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { ListenerBench } from '../testing/listener-bench.ts';
import { answerAsLauncher, launcherFields } from '../testing/fake-launcher.ts';
import { encodeVersion0, encodeVersion1, encodeVersion2, readLauncherV2 } from '../testing/launcher-payloads.ts';
import { sendPayload } from '../testing/send-payload.ts';

const refusal = '{"version":2,"ok":false,"error":"refused"}\n';

describe('a launch', () => {
  test.each([1, 2] as const)('is answered in version %d', async (version) => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect({ portRange: '40000..42000' });
    expect(expected.parameters.public).toMatchObject({
      responseAddress: `127.0.0.1:${bench.listener.port}`,
      publicKey: bench.listener.publicKey,
      portRange: '40000..42000',
    });
    await answerAsLauncher(expected.parameters, { version, fields: { comm_port: 50_006 } });
    const answer = await expected.answer;
    expect(answer).toMatchObject({
      version,
      pid: 4711,
      pgid: 4711,
      peerAddress: '127.0.0.1',
      connection: { shell_port: 50001, ip: '0.0.0.0', key: '5f0c3a9e-2b77-4d0e-8a35-1f2e3d4c5b6a' },
    });
    expect(answer.comm?.state).toMatchObject({ version, host: '127.0.0.1', port: 50_006 });
    expect(bench.listener.counters).toMatchObject({ waiting: 0, accepted: { [`version${version}`]: 1 } });
  });

  test('of Scala: another order, pid as text, no pgid, an address of its own', async () => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect();
    const { kernelId, publicKey } = expected.parameters.public;
    const fields = launcherFields(kernelId, { pid: '12', pgid: undefined, ip: '10.1.2.3', comm_port: 7 });
    const reply = await sendPayload(encodeVersion1(fields, publicKey, { order: 'scala' }), bench.listener);
    expect(reply).toBe('');
    const answer = await expected.answer;
    expect(answer).toMatchObject({ pid: 12, connection: { ip: '10.1.2.3' }, comm: { state: { host: '10.1.2.3' } } });
    expect(answer).not.toHaveProperty('pgid');
  });

  test('is answered byte by byte', async () => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect();
    const { kernelId } = expected.parameters.public;
    const payload = encodeVersion2(launcherFields(kernelId), readLauncherV2(expected.parameters.secret.launcherV2));
    const socket = await bench.connect();
    for (const byte of Buffer.from(payload.payload)) socket.write(Buffer.of(byte));
    await expect(expected.answer).resolves.toMatchObject({ version: 2 });
  });

  test('has no comm channel when the launcher has no listener', async () => {
    await using bench = await ListenerBench.start();
    for (const version of [1, 2] as const) {
      const expected = await bench.expect();
      await answerAsLauncher(expected.parameters, { version });
      expect(await expected.answer).not.toHaveProperty('comm');
    }
  });

  test('keeps CurveZMQ keys, and leaves out unusable ones with a warning', async () => {
    await using bench = await ListenerBench.start();
    const keys = { curve_publickey: 'a'.repeat(40), curve_secretkey: 'b'.repeat(40) };
    const good = await bench.expect();
    await answerAsLauncher(good.parameters, { version: 1, fields: keys });
    expect((await good.answer).connection).toMatchObject(keys);
    const lone = await bench.expect();
    await answerAsLauncher(lone.parameters, { version: 2, fields: { ...keys, curve_secretkey: undefined } });
    expect((await lone.answer).connection).not.toHaveProperty('curve_publickey');
    expect(bench.log).toContain('not a usable pair');
  });

  test('of which the second answer is refused, the first stays', async () => {
    await using bench = await ListenerBench.start();
    for (const version of [1, 2] as const) {
      const expected = await bench.expect();
      await answerAsLauncher(expected.parameters, { version, fields: { key: 'first' } });
      const second = answerAsLauncher(expected.parameters, { version, fields: { key: 'second' } });
      if (version === 2) await expect(second).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
      else await second;
      expect((await expected.answer).connection.key).toBe('first');
    }
    expect(bench.listener.counters.refused['already-answered']).toBe(2);
  });

  test('of which the very same bytes are refused when they come again', async () => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect();
    const launch = readLauncherV2(expected.parameters.secret.launcherV2);
    const { payload, isTaken } = encodeVersion2(launcherFields(launch.kernel_id), launch);
    expect(isTaken(await sendPayload(payload, bench.listener))).toBe(true);
    expect(isTaken(await sendPayload(payload, bench.listener))).toBe(false);
    await expected[Symbol.asyncDispose]();
    expect(await sendPayload(payload, bench.listener)).toBe(refusal);
    // The next start of the same kernel has another token.
    const next = await bench.expect({ kernelId: launch.kernel_id });
    expect(await sendPayload(payload, bench.listener)).toBe(refusal);
    await answerAsLauncher(next.parameters, { version: 2 });
    await expect(next.answer).resolves.toMatchObject({ version: 2 });
  });

  test('takes only the versions that it asks for', async () => {
    await using bench = await ListenerBench.start();
    const one = await bench.expect({ protocol: 1 });
    expect(one.parameters.secret.launcherV2).toBe('');
    const two = await bench.expect({ protocol: 2 });
    await answerAsLauncher(two.parameters, { version: 1 });
    await bench.until(({ refused }) => refused['wrong-protocol'] === 1);
    await answerAsLauncher(two.parameters, { version: 2 });
    await answerAsLauncher(one.parameters, { version: 1 });
    expect(await two.answer).toMatchObject({ version: 2 });
    expect(await one.answer).toMatchObject({ version: 1 });
  });

  test('takes only peers that it names', async () => {
    await using bench = await ListenerBench.start();
    const foreign = await bench.expect({ peers: ['10.0.0.0/8', '::1'] });
    for (const version of [1, 2] as const) {
      await answerAsLauncher(foreign.parameters, { version }).catch(() => undefined);
      await bench.until(({ refused }) => refused['foreign-peer'] === version);
    }
    const known = await bench.expect({ peers: ['10.0.0.7', '127.0.0.0/8'] });
    await answerAsLauncher(known.parameters, { version: 1 });
    await expect(known.answer).resolves.toMatchObject({ peerAddress: '127.0.0.1' });
  });

  test('in version 0 is taken only where the operator allows it, with a warning', async () => {
    for (const acceptVersion0 of [false, true]) {
      await using bench = await ListenerBench.start({ acceptVersion0 });
      const expected = await bench.expect();
      const { kernelId } = expected.parameters.public;
      await sendPayload(encodeVersion0(launcherFields(kernelId, { kernel_id: undefined }), kernelId), bench.listener);
      if (acceptVersion0) {
        await expect(expected.answer).resolves.toMatchObject({ version: 0 });
        expect(bench.log).toContain('version 0');
      } else {
        await bench.until(({ refused }) => refused.undecodable === 1);
        expect(bench.listener.counters.waiting).toBe(1);
      }
    }
  });

  test('with unusable information stays open; the launcher of version 2 and the deadline say why', async () => {
    const clock = new ManualClock();
    await using bench = await ListenerBench.start({ clock });
    const expected = await bench.expect({ deadline: clock.now() + 1000 });
    const launch = readLauncherV2(expected.parameters.secret.launcherV2);
    const { payload, isTaken } = encodeVersion2(launcherFields(launch.kernel_id, { hb_port: 0 }), launch);
    expect(isTaken(await sendPayload(payload, bench.listener))).toBe(false);
    await clock.advance(1000);
    await expect(expected.answer).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringContaining('hb_port') as unknown,
    });
  });
});

describe('registration', () => {
  test('expires at its deadline, and then knows the kernel no more', async () => {
    const clock = new ManualClock();
    await using bench = await ListenerBench.start({ clock });
    const expected = await bench.expect({ deadline: clock.now() + 40 * 24 * 3_600_000 });
    await clock.advance(40 * 24 * 3_600_000 - 1);
    expect(bench.listener.counters.waiting).toBe(1);
    await clock.advance(1);
    await expect(expected.answer).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
    expect(bench.listener.counters.waiting).toBe(0);
    await answerAsLauncher(expected.parameters, { version: 1 });
    await bench.until(({ refused }) => refused['unknown-kernel'] === 1);
    expect(clock.pending).toBe(0);
  });

  test('a deadline in the past fails at once', async () => {
    const clock = new ManualClock();
    await using bench = await ListenerBench.start({ clock });
    const expected = await bench.expect({ deadline: clock.now() - 5 });
    await clock.advance(0);
    await expect(expected.answer).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
  });

  test('is forgotten when disposed of; whoever waits hears of it', async () => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect();
    await expected[Symbol.asyncDispose]();
    await expect(expected.answer).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(answerAsLauncher(expected.parameters, { version: 2 })).rejects.toThrow('refused');
    await expected[Symbol.asyncDispose]();
  });

  test('of a kernel that waits is refused, and open again after the answer', async () => {
    await using bench = await ListenerBench.start();
    const kernelId = randomUUID();
    const first = await bench.expect({ kernelId });
    await expect(bench.expect({ kernelId })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await answerAsLauncher(first.parameters, { version: 1 });
    await first.answer;
    const second = await bench.expect({ kernelId });
    await first[Symbol.asyncDispose]();
    await answerAsLauncher(second.parameters, { version: 2 });
    await expect(second.answer).resolves.toMatchObject({ version: 2 });
  });

  test.each([
    [{ kernelId: '' }, 'kernel id'],
    [{ kernelId: '../../x' }, 'kernel id'],
    [{ kernelId: 'x'.repeat(129) }, 'kernel id'],
    [{ peers: ['host.example'] }, 'host.example'],
    [{ peers: ['10.0.0.0/33'] }, '10.0.0.0/33'],
    [{ leaseMs: -1 }, 'leaseMs'],
    [{ deadline: Number.NaN }, 'deadline'],
    [{ portRange: '9..' }, '9..'],
  ])('refuses %j and names it', async (options, named) => {
    await using bench = await ListenerBench.start();
    await expect(bench.expect(options)).rejects.toThrow(named);
    expect(bench.listener.counters.waiting).toBe(0);
  });

  test('carries the lease, one hour unless it is set', async () => {
    await using bench = await ListenerBench.start();
    const leases = [undefined, 0, 1500].map(async (leaseMs) => {
      const { secret } = (await bench.expect({ leaseMs })).parameters;
      return readLauncherV2(secret.launcherV2).lease_seconds;
    });
    expect(await Promise.all(leases)).toEqual([3600, 0, 2]);
  });
});

describe('what is not a launcher', () => {
  test('is refused without an answer to garbage, with the same answer to all that looks like version 2', async () => {
    await using bench = await ListenerBench.start();
    const expected = await bench.expect();
    const other = await bench.expect();
    const { kernelId, publicKey } = expected.parameters.public;
    const launch = readLauncherV2(expected.parameters.secret.launcherV2);
    const theirs = readLauncherV2(other.parameters.secret.launcherV2);
    const good = encodeVersion2(launcherFields(kernelId), launch).payload;
    const silent = ['', '\0', 'garbage', '{', '{}\n', '{"version":2}\n', '%'.repeat(1000), good.slice(0, 200)];
    for (const payload of [...silent, encodeVersion1(launcherFields('unknown'), publicKey)]) {
      expect(await sendPayload(payload, bench.listener)).toBe('');
    }
    const aloud = [
      encodeVersion2(launcherFields('unknown'), { ...launch, kernel_id: 'unknown' }).payload,
      encodeVersion2(launcherFields(kernelId), { ...launch, token: theirs.token }).payload,
      encodeVersion2(launcherFields(kernelId), { ...theirs, kernel_id: kernelId }).payload,
      encodeVersion2(launcherFields('unknown'), launch).payload,
      encodeVersion2(launcherFields(kernelId), { ...launch, public_key: Buffer.alloc(32, 9) }).payload,
      encodeVersion2(launcherFields(kernelId), launch, { token: 7 }).payload,
    ];
    for (const payload of aloud) expect(await sendPayload(payload, bench.listener)).toBe(refusal);
    expect(bench.listener.counters).toMatchObject({ waiting: 2, accepted: { version1: 0, version2: 0 } });
    await answerAsLauncher(expected.parameters, { version: 2 });
    await answerAsLauncher(other.parameters, { version: 1 });
    await Promise.all([expected.answer, other.answer]);
  });

  test('keys, tokens and what launchers send never reach the log', async () => {
    await using bench = await ListenerBench.start();
    const secrets: string[] = [];
    for (const version of [1, 2] as const) {
      for (const extra of [{}, { hb_port: 0 }, { kernel_id: 'other' }, { curve_publickey: 'SECRET-CURVE' }]) {
        const expected = await bench.expect();
        const { launcherV2 } = expected.parameters.secret;
        secrets.push(launcherV2, readLauncherV2(launcherV2).token);
        const answer = answerAsLauncher(expected.parameters, { version, fields: { key: 'SECRET-KEY', ...extra } });
        const sent = await answer.catch(() => undefined);
        if (sent?.commKey !== undefined) secrets.push(Buffer.from(sent.commKey).toString('base64'));
      }
    }
    await bench.until(({ openConnections }) => openConnections === 0);
    expect(bench.log).toContain('refused');
    for (const secret of ['SECRET', 'shell_port":', ...secrets]) expect(bench.log).not.toContain(secret);
  });
});

describe('handleHttp', () => {
  test('takes the answer of the launch that the token is for, once', async () => {
    await using bench = await ListenerBench.start({ httpUrl: 'https://gateway.example/api/launchers' });
    const expected = await bench.expect();
    const launch = readLauncherV2(expected.parameters.secret.launcherV2);
    expect(launch.http?.url).toBe('https://gateway.example/api/launchers');
    const token = launch.http?.token ?? '';
    expect(token).not.toBe(launch.token);
    const { payload, isTaken } = encodeVersion2(launcherFields(launch.kernel_id), launch);
    const other = await bench.expect();
    const wrong = readLauncherV2(other.parameters.secret.launcherV2).http?.token ?? '';
    const body = Buffer.from(payload);
    expect(await bench.listener.handleHttp('nonsense', body)).toEqual({ status: 403, body: '' });
    expect(await bench.listener.handleHttp(wrong, body)).toEqual({ status: 403, body: refusal });
    expect(await bench.listener.handleHttp(token, Buffer.from('garbage'))).toEqual({ status: 403, body: '' });
    expect(await bench.listener.handleHttp(token, Buffer.alloc(65_537))).toEqual({ status: 413, body: '' });
    const taken = await bench.listener.handleHttp(token, body);
    expect(taken.status).toBe(200);
    expect(isTaken(taken.body)).toBe(true);
    expect(await expected.answer).not.toHaveProperty('peerAddress');
    const again = await bench.listener.handleHttp(token, body);
    expect([again.status, isTaken(again.body)]).toEqual([403, false]);
  });

  test('takes version 1 as well, whatever the peers', async () => {
    await using bench = await ListenerBench.start({ httpUrl: 'http://gateway/' });
    const expected = await bench.expect({ peers: ['10.0.0.1'] });
    const { kernelId, publicKey } = expected.parameters.public;
    const token = readLauncherV2(expected.parameters.secret.launcherV2).http?.token ?? '';
    const body = Buffer.from(encodeVersion1(launcherFields(kernelId), publicKey));
    expect(await bench.listener.handleHttp(token, body)).toEqual({ status: 200, body: '' });
    await expect(expected.answer).resolves.toMatchObject({ version: 1 });
  });
});

test('closing it ends all that waits and frees the port', async () => {
  const bench = await ListenerBench.start();
  const expected = await bench.expect();
  const stalled = await bench.connect();
  await bench.until(({ openConnections }) => openConnections === 1);
  const { port } = bench.listener;
  await bench.listener[Symbol.asyncDispose]();
  await expect(expected.answer).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(bench.expect()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  if (!stalled.closed) await new Promise((resolve) => stalled.once('close', resolve).resume());
  await using next = await ListenerBench.start({ port, portRetries: 0 });
  expect(next.listener.port).toBe(port);
  await bench[Symbol.asyncDispose]();
});
