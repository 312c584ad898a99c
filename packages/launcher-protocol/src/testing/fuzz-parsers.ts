import { Buffer } from 'node:buffer';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { CommState } from '@gateway-provisioners/core';
import { disturb, fuzzTarget, mutateText } from '@gateway-provisioners/core/testing';
import type { FuzzAttempt, FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { openBound, parseHello, parseReply } from '../comm/comm-messages.ts';
import { openComm } from '../comm/open-comm.ts';
import { encodeBase64 } from '../crypto/base64.ts';
import { createBoxKeys, seal } from '../crypto/nacl.ts';
import { Counters } from '../listener/counters.ts';
import { parseHostPort } from '../listener/host-port.ts';
import { PayloadProcessor } from '../listener/payload-processor.ts';
import { Registrations } from '../listener/registration.ts';
import { parseLauncherInfo } from '../payload/launcher-info.ts';
import { sealedLine } from '../payload/version2.ts';
import { launcherFields } from './fake-launcher.ts';
import { encodeVersion0, encodeVersion1, encodeVersion2 } from './launcher-payloads.ts';

export const parserFuzzTargets: readonly FuzzTarget[] = [
  fuzzTarget('payload', 'PROTOCOL_ERROR', payloadAttempt()),
  fuzzTarget('launcher-info', 'INVALID_CONNECTION_INFO', tryLauncherInfo),
  fuzzTarget('comm-hello', 'PROTOCOL_ERROR', tryHello),
  fuzzTarget('comm-request', 'PROTOCOL_ERROR', tryRequest),
  fuzzTarget('comm-reply', 'PROTOCOL_ERROR', tryReply),
  fuzzTarget('comm-state', 'INVALID_ARGUMENT', tryState),
  fuzzTarget('host-port', 'INVALID_ARGUMENT', tryHostPort),
];

function check(holds: boolean, promise: string, input: string): void {
  if (!holds) throw new Error(`${promise}; input: ${JSON.stringify(input)}`);
}

/** Everything that may come to the listener's port, as whole payloads. */
function payloadAttempt(): FuzzAttempt {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const publicKeyText = encodeBase64(publicKey.export({ type: 'spki', format: 'der' }));
  const boxKeys = createBoxKeys();
  const registrations = new Registrations(systemClock);
  const processor = new PayloadProcessor({
    registrations,
    counters: new Counters(),
    responseKeys: { privateKey, publicKeyText },
    boxKeys,
    acceptVersion0: true,
    comm: {},
    logger: silentLogger,
  });
  return (random) => {
    const kernelId = randomUUID();
    const deadline = systemClock.now() + 60_000;
    const protocol = random.pick(['auto', 1, 2] as const);
    const registration = registrations.add({ kernelId, deadline, protocol, isExpectedPeer: undefined, leaseMs: 0 });
    const launch = {
      version: 2 as const,
      kernel_id: kernelId,
      public_key: Buffer.from(boxKeys.publicKey),
      token: encodeBase64(random.below(8) === 0 ? random.bytes(32) : registration.token),
      lease_seconds: 0,
    };
    const hasToken = launch.token === encodeBase64(registration.token);
    const fields = disturb(launcherFields(kernelId, { comm_port: 1234 }), random);
    const [version, valid] = random.pick([
      () => [0, encodeVersion0(fields, kernelId)] as const,
      () => [1, encodeVersion1(fields, publicKeyText, { order: random.pick(['python', 'scala']) })] as const,
      () => [2, encodeVersion2(fields, launch).payload] as const,
    ])();
    const input = random.below(2) === 0 ? valid : mutateInside(valid, random);
    const { accepted, reply } = processor.process(input, { address: '127.0.0.1' });
    check(accepted === !registration.isWaiting, 'accepted and settled differ', input);
    check(version === 2 || reply === undefined || input.trimStart().startsWith('{'), 'version 1 was answered', input);
    check(!accepted || version !== 2 || hasToken, 'accepted without the token', input);
    check(
      !accepted || protocol === 'auto' || protocol === (version === 2 ? 2 : 1),
      'accepted the wrong version',
      input,
    );
    registrations.remove(registration, new Error('done'));
    check(registrations.waiting === 0, 'a registration was left', input);
    return accepted;
  };
}

/** Changes the text, or what the base64 of version 1 holds. */
function mutateInside(payload: string, random: SeededRandom): string {
  if (payload.startsWith('{') || random.below(2) === 0) return mutateText(payload, random);
  return Buffer.from(mutateText(Buffer.from(payload, 'base64').toString('latin1'), random), 'latin1').toString(
    'base64',
  );
}

function tryLauncherInfo(random: SeededRandom): boolean {
  const curve = { curve_publickey: 'a'.repeat(40), curve_secretkey: 'b'.repeat(40) };
  const fields = disturb(launcherFields('k', { comm_port: 7, ...(random.below(2) === 0 ? curve : {}) }), random);
  const info = parseLauncherInfo(fields);
  const { connection } = info;
  const text = JSON.stringify(fields);
  const ports = [connection.shell_port, connection.iopub_port, connection.hb_port, info.commPort ?? 1, info.pid ?? 1];
  check(
    ports.every((port) => Number.isInteger(port) && port > 0),
    'a number that is none',
    text,
  );
  check(
    (connection.curve_publickey === undefined) === (connection.curve_secretkey === undefined),
    'half a pair of keys',
    text,
  );
  return true;
}

const key = Buffer.alloc(32, 7);
const challenge = Buffer.alloc(32, 9).toString('base64');
const binding = { kernelId: 'k', challenge, seq: 1 };

/** A sealed line with a disturbed content, or a sealed line disturbed. */
function commLine(content: Readonly<Record<string, unknown>>, random: SeededRandom): string {
  const text = JSON.stringify(disturb({ kernel_id: 'k', challenge, seq: 1, ...content }, random));
  const inside = random.below(3) === 0 ? mutateText(text, random) : text;
  const line = sealedLine(seal(Buffer.from(inside), key));
  return random.below(3) === 0 ? mutateText(line, random) : line;
}

function tryHello(random: SeededRandom): boolean {
  const line = JSON.stringify(disturb({ version: 2, challenge }, random));
  const input = random.below(2) === 0 ? mutateText(line, random) : line;
  check(Buffer.from(parseHello(input), 'base64').length === 32, 'a challenge of another size', input);
  return true;
}

function tryRequest(random: SeededRandom): boolean {
  const line = commLine({ to: 'launcher', request: 'signal', signum: 2 }, random);
  const fields = openBound(line, { ...binding, to: 'launcher' }, key);
  check(fields === undefined || fields['seq'] === 1, 'another sequence number', line);
  check(openBound(line, { ...binding, to: 'launcher', seq: 2 }, key) === undefined, 'a replay was taken', line);
  check(openBound(line, { ...binding, to: 'gateway' }, key) === undefined, 'a reflection was taken', line);
  return fields !== undefined;
}

function tryReply(random: SeededRandom): boolean {
  const exit = { reason: 'exited', exit_code: 1, signal: 'SIGKILL', detail: 'd' };
  const content = { to: 'gateway', ok: true, alive: false, pid: 7, exit, log_tail: 'text', lease_seconds: 1 };
  const line = commLine(random.below(4) === 0 ? { to: 'gateway', ok: false, error: 'e' } : content, random);
  const reply = parseReply(line, binding, key);
  check(typeof reply.ok === 'boolean', 'a reply without a verdict', line);
  return true;
}

function tryState(random: SeededRandom): boolean {
  const state = { version: 2, kernelId: 'k', host: 'h', port: 7, key: encodeBase64(key), leaseMs: 5 };
  const fields = disturb(random.below(3) === 0 ? { ...state, version: 1 } : state, random);
  // What a store holds may be anything; the type says only what it should be.
  openComm(fields as CommState);
  return true;
}

function tryHostPort(random: SeededRandom): boolean {
  const input = mutateText(random.pick(['host:8877', '[fd00::7]:8877', '10.0.0.1', '::1', '[::1]']), random);
  const { host, port = 1 } = parseHostPort(input);
  check(host !== '' && port >= 1 && port <= 65_535, 'not a host and a port', input);
  return true;
}
