import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { containerBody } from './container-body.ts';
import { imageReference } from './image-reference.ts';
import { readJsonLines } from './json-lines.ts';
import { joinLogFrames, tailText } from './log-frames.ts';
import { toContainerDetails, toContainerStats, toEngineEvent } from './modem/answers.ts';
import { toNetworkDetails } from './modem/resource-answers.ts';
import { PullTracker } from './pull-progress.ts';
import { tarArchive } from './tar-archive.ts';

const frame = (stream: number, payload: Uint8Array): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
};

describe('log frames', () => {
  it('are joined in order, whatever they hold', () => {
    const frames = fc.array(fc.record({ stream: fc.constantFrom(0, 1, 2), payload: fc.uint8Array({ maxLength: 40 }) }));
    fc.assert(
      fc.property(frames, (all) => {
        const stream = Buffer.concat(all.map(({ stream: number, payload }) => frame(number, payload)));
        expect(joinLogFrames(stream)).toEqual(Buffer.concat(all.map(({ payload }) => payload)));
      }),
    );
  });

  it('never fail and never grow, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(joinLogFrames(Buffer.from(bytes)).length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('a cut tail is valid text within the bound and at the end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(50), (text, maxBytes) => {
        const tail = tailText(Buffer.from(text), maxBytes);
        expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(maxBytes);
        expect(text.endsWith(tail)).toBe(true);
        expect(Buffer.byteLength(tail)).toBeGreaterThanOrEqual(Math.min(Buffer.byteLength(text), maxBytes) - 3);
      }),
    );
  });
});

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer, void> {
  let start = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.min(bytes.length, Math.max(start, cut));
    yield await Promise.resolve(bytes.subarray(start, end));
    start = end;
  }
  yield bytes.subarray(start);
}

async function collect(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of source) values.push(value);
  return values;
}

describe('lines of JSON', () => {
  it('arrive whole, however the stream is cut', async () => {
    const values = fc.array(fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(values, fc.array(fc.nat(200)), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\r\n`).join('\n'));
        expect(await collect(readJsonLines(pieces(bytes, cuts)))).toEqual(JSON.parse(JSON.stringify(lines)));
      }),
    );
  });

  it.each(['{"a":', 'not JSON\n', '\u0000\n'])('%j is a PROTOCOL_ERROR', async (text) => {
    await expect(collect(readJsonLines(pieces(Buffer.from(text), [])))).rejects.toMatchObject({
      code: 'PROTOCOL_ERROR',
    });
  });

  it('texts are taken as well; a stream of something else is a PROTOCOL_ERROR', async () => {
    const texts = (async function* () {
      yield* await Promise.resolve(['{"a"', ':1}\n', '', '2']);
    })();
    expect(await collect(readJsonLines(texts))).toEqual([{ a: 1 }, 2]);
    const odd = (async function* () {
      yield await Promise.resolve({ not: 'bytes' });
    })();
    await expect(collect(readJsonLines(odd))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
  });

  it('a line without end is refused before it fills the memory', async () => {
    const endless = (async function* () {
      for (;;) yield await Promise.resolve(Buffer.alloc(1 << 20, 'a'));
    })();
    await expect(collect(readJsonLines(endless))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
  });
});

describe('answers of an engine', () => {
  it('of any shape end in an error of ours or in a value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        expect(() => toContainerDetails(answer)).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
        expect(toNetworkDetails(answer).gateways).toEqual(expect.any(Array));
        toEngineEvent(answer);
      }),
    );
  });

  it('a container’s ports are those of the engine’s machine', () => {
    const Ports = {
      '5001/tcp': [
        { HostIp: '127.0.0.1', HostPort: '32768' },
        { HostIp: '::1', HostPort: '32769' },
      ],
      '5002/tcp': null,
      '5003/udp': [{ HostIp: '', HostPort: '7' }],
      '5004/tcp': [],
    };
    const details = toContainerDetails({ Id: 'x', State: { Status: 'running' }, NetworkSettings: { Ports } });
    expect([...details.publishedPorts]).toEqual([[5001, 32_768]]);
  });

  it('an event keeps its moment', () => {
    const event = toEngineEvent({
      Type: 'container',
      Action: 'die',
      Actor: { ID: 'x', Attributes: { exitCode: '3' } },
      timeNano: 1_700_000_000_123_456_789,
    });
    expect(event).toMatchObject({ type: 'container', action: 'die', id: 'x', attributes: { exitCode: '3' } });
    expect((event?.timeNs ?? 0n) / 1_000n).toBe(1_700_000_000_123_456n);
  });

  it.each([
    [{ time: 7 }, 7_000_000_000n],
    [{ time: 7.5 }, 7_000_000_000n],
    [{ time: 'now' }, 0n],
    [{ timeNano: 7.5 }, 7n],
    [{}, 0n],
  ])('an event of the moment %j is read, whatever an engine says of time', (moment, timeNs) => {
    const event = { Type: 'container', Action: 'die', Actor: { ID: 'x' }, ...moment };
    expect(toEngineEvent(event)).toMatchObject({ scope: 'local', attributes: {}, timeNs });
  });
});

describe('container body', () => {
  it('publishes ports at whichever the engine finds free', () => {
    const publishedPorts = [{ containerPort: 5001, hostAddress: '127.0.0.1' }];
    expect(containerBody({ name: 'n', image: 'i', publishedPorts })).toEqual({
      Image: 'i',
      ExposedPorts: { '5001/tcp': {} },
      HostConfig: {
        PortBindings: { '5001/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
        RestartPolicy: { Name: 'no' },
      },
    });
  });

  it('has what was given and nothing else', () => {
    expect(containerBody({ name: 'n', image: 'i' })).toEqual({
      Image: 'i',
      HostConfig: { RestartPolicy: { Name: 'no' } },
    });
    const body = containerBody({
      name: 'n',
      image: 'i',
      env: { A: 'b=c\n' },
      network: 'net',
      resources: { cpus: 1.5, memoryBytes: 10, gpus: { count: 'all' } },
      mounts: [
        { type: 'bind', source: '/a', target: '/b', readOnly: true, propagation: 'rslave' },
        { type: 'volume', target: '/c', driver: 'd', driverOptions: { o: 'p' } },
        { type: 'tmpfs', target: '/t', mode: 0o1777 },
      ],
      devices: [{ hostPath: '/dev/a', containerPath: '/dev/b', permissions: 'rw' }],
    });
    expect(body).toEqual({
      Image: 'i',
      Env: ['A=b=c\n'],
      HostConfig: {
        NetworkMode: 'net',
        NanoCpus: 1_500_000_000,
        Memory: 10,
        DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }],
        Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'rw' }],
        Mounts: [
          { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
          { Type: 'volume', Target: '/c', VolumeOptions: { DriverConfig: { Name: 'd', Options: { o: 'p' } } } },
          { Type: 'tmpfs', Target: '/t', TmpfsOptions: { Mode: 0o1777 } },
        ],
        RestartPolicy: { Name: 'no' },
      },
    });
  });
});

describe('image references', () => {
  it.each([
    ['a', 'a', 'latest'],
    ['a/b:1', 'a/b', '1'],
    ['localhost:5000/a/b', 'localhost:5000/a/b', 'latest'],
    ['localhost:5000/a:2', 'localhost:5000/a', '2'],
    ['a@sha256:00', 'a', 'sha256:00'],
    ['r:1/a:2@sha256:00', 'r:1/a:2', 'sha256:00'],
    // With an empty tag the engine would fetch all of them.
    ['a:', 'a:', 'latest'],
    ['a@', 'a@', 'latest'],
  ])('%s', (image, fromImage, tag) => {
    expect(imageReference(image)).toEqual({ fromImage, tag });
  });
});

describe('pull progress', () => {
  it('stays a fraction, however large an engine says that layers are', () => {
    const tracker = new PullTracker('img');
    for (const id of ['one', 'two']) {
      tracker.update({ id, status: 'Downloading', progressDetail: { current: 1, total: 1e308 } });
      tracker.update({ id, status: 'Pull complete' });
    }
    expect(tracker.update({ id: 'two', status: 'Extracting' })).toMatchObject({ fraction: 1, layersDone: 2 });
  });

  it('counts layers and bytes', () => {
    const tracker = new PullTracker('img');
    expect(tracker.update({ status: 'Pulling from a', id: 'latest' })).toBeUndefined();
    expect(tracker.update({ status: 'Status: Downloaded' })).toBeUndefined();
    tracker.update({ status: 'Already exists', id: 'one' });
    const progressDetail = { current: 5_000_000, total: 10_000_000 };
    expect(tracker.update({ status: 'Downloading', id: 'two', progressDetail })).toEqual({
      message: 'pulling img: 1 of 2 layers, 5.0 of 10 MB',
      layersDone: 1,
      layers: 2,
      fraction: 0.5,
    });
    expect(tracker.update({ status: 'Pull complete', id: 'two' })?.fraction).toBe(1);
  });

  it('survives any line', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom('id', 'status', 'progressDetail'), fc.jsonValue())),
        (lines) => {
          const tracker = new PullTracker('img');
          for (const line of lines) {
            const fraction = tracker.update(line)?.fraction ?? 0;
            expect(fraction >= 0 && fraction <= 1).toBe(true);
          }
        },
      ),
    );
  });
});

describe('tar', () => {
  it.each(['relative', '', '/', `/${'a'.repeat(101)}`, '/a\0b'])('refuses the path %j', (path) => {
    expect(() => tarArchive([{ path, content: '', mode: 0o600, uid: 0, gid: 0 }])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('is whole blocks with a right sum, for owners of any size', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.string({ maxLength: 1200 }), (uid, content) => {
        const archive = tarArchive([{ path: '/tmp/x', content, mode: 0o400, uid, gid: 100 }]);
        expect(archive.length % 512).toBe(0);
        const sum = parseInt(archive.toString('latin1', 148, 154), 8);
        const header = Buffer.from(archive.subarray(0, 512)).fill(' ', 148, 156);
        expect(header.reduce((total, byte) => total + byte, 0)).toBe(sum);
      }),
    );
  });
});

describe('measurements', () => {
  it.each([{ inactive_file: 30 }, { total_inactive_file: 30, inactive_file: 1 }])(
    'leave out the cache: %j',
    (stats) => {
      const memory_stats = { usage: 100, limit: 200, stats };
      const answer = { memory_stats, cpu_stats: { cpu_usage: { total_usage: 5 } }, pids_stats: { current: 2 } };
      const measured = { memoryBytes: 70, memoryLimitBytes: 200, cpuNanoseconds: 5, pids: 2 };
      expect(toContainerStats(answer)).toEqual(measured);
    },
  );

  it('of what does not run are zeros', () => {
    const none = { memoryBytes: 0, memoryLimitBytes: 0, cpuNanoseconds: 0, pids: 0 };
    expect(toContainerStats({ memory_stats: {}, cpu_stats: { cpu_usage: {} }, pids_stats: {} })).toEqual(none);
  });
});
