import { fuzzTarget, mutateBytes, mutateText, sharedFuzzTarget } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { parseDockerConfig } from '../config/docker-config-file.ts';
import { configFromEnv, engineAddress } from '../config/engine-config.ts';
import { credentialsInFile, parseHelperAnswer } from '../config/registry-credentials.ts';
import { readJsonLines } from '../json-lines.ts';
import { joinLogFrames, tailText } from '../log-frames.ts';
import { answerFuzzTargets } from './fuzz-answers.ts';

/** Everything that reads what an engine, Docker's own files or a credential helper say. */
export const decoderFuzzTargets: readonly FuzzTarget[] = [
  fuzzTarget('engine-lines', 'PROTOCOL_ERROR', tryLines),
  fuzzTarget('engine-log', 'PROTOCOL_ERROR', tryLog),
  ...answerFuzzTargets,
  fuzzTarget('docker-config', 'INVALID_CONFIG', tryConfig),
  fuzzTarget('docker-credentials', 'INVALID_CONFIG', tryHelperAnswer),
  fuzzTarget('docker-host', 'INVALID_CONFIG', tryHost),
];

/** All of them in turn: each is small. */
export const fuzzTargets: readonly FuzzTarget[] = [sharedFuzzTarget('docker-engine', decoderFuzzTargets)];

function check(holds: boolean, promise: string, input: unknown): void {
  if (!holds) throw new Error(`${promise}; input: ${JSON.stringify(input)}`);
}

async function tryLines(random: SeededRandom): Promise<boolean> {
  const lines = Array.from({ length: random.below(5) }, () =>
    random.pick(['{"id":"é","status":"Downloading"}', '{}', '7', '', ' [1,"\\ud800"] ', '"x"']),
  );
  const intact = Buffer.from(lines.join(random.pick(['\n', '\r\n', '\n\n'])));
  const isIntact = random.below(3) === 0;
  const input = isIntact ? intact : mutateBytes(intact, random);
  const whole = await valuesOf([input]);
  const cut = await valuesOf(cutAnywhere(input, random));
  const text = input.toString('base64');
  check(JSON.stringify(whole) === JSON.stringify(cut), 'the outcome depends on the chunks', text);
  if (whole.error !== undefined) {
    check(!isIntact, 'good lines were refused', text);
    return false;
  }
  const expected = lines.filter((line) => line !== '').map((line): unknown => JSON.parse(line));
  check(!isIntact || JSON.stringify(whole.values) === JSON.stringify(expected), 'values differ', text);
  return true;
}

async function valuesOf(chunks: readonly Buffer[]): Promise<{ values: readonly unknown[]; error?: string }> {
  const values: unknown[] = [];
  try {
    for await (const value of readJsonLines(streamOf(chunks))) values.push(value);
    return { values };
  } catch (error) {
    return { values, error: String(error) };
  }
}

async function* streamOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer, void> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

function cutAnywhere(input: Buffer, random: SeededRandom): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < input.length;) {
    const end = at + 1 + random.below(20);
    chunks.push(input.subarray(at, end));
    at = end;
  }
  return chunks;
}

function tryLog(random: SeededRandom): boolean {
  const payloads = Array.from({ length: random.below(4) }, () => random.bytes(random.below(30)));
  const intact = Buffer.concat(payloads.flatMap((payload) => [logHeader(random.below(3), payload.length), payload]));
  const isIntact = random.below(3) === 0;
  const input = isIntact ? intact : mutateBytes(intact, random);
  const joined = joinLogFrames(input);
  const text = input.toString('base64');
  check(joined.length <= input.length, 'a log grew', text);
  check(!isIntact || joined.equals(Buffer.concat(payloads)), 'a log differs', text);
  const maxBytes = random.below(40);
  const tail = tailText(Buffer.from(joined.toString()), maxBytes);
  check(Buffer.byteLength(tail) <= maxBytes && joined.toString().endsWith(tail), 'a tail that is none', text);
  return joined.length > 0 && joined.length < input.length;
}

function logHeader(stream: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream);
  header.writeUInt32BE(length, 4);
  return header;
}

const SECRET = 'hunter2-hunter2';
const CONFIG = JSON.stringify({
  auths: {
    'r.example': { auth: Buffer.from(`me:${SECRET}`).toString('base64') },
    'https://index.docker.io/v1/': { username: 'me', password: SECRET },
    'g.example:5000': { identitytoken: SECRET },
  },
  credHelpers: { 'h.example': 'gcloud' },
  credsStore: 'desktop',
  currentContext: 'far',
});
const REGISTRIES = ['r.example', 'https://index.docker.io/v1/', 'g.example:5000', 'other'];

function tryConfig(random: SeededRandom): boolean {
  const input = random.below(4) === 0 ? CONFIG : mutateText(CONFIG, random);
  const config = withoutSecret(() => parseDockerConfig(input, '/c.json'), input);
  const registry = random.pick(REGISTRIES);
  const found = credentialsInFile(config, registry);
  check(found === undefined || found.serveraddress === registry, 'credentials of another registry', input);
  const { username, password, identitytoken } = found ?? {};
  check((username === undefined) === (password === undefined), 'half of the credentials', input);
  check(found === undefined || username !== undefined || identitytoken !== undefined, 'empty credentials', input);
  return true;
}

function tryHelperAnswer(random: SeededRandom): boolean {
  const answer = JSON.stringify({ Username: random.pick(['me', '<token>']), Secret: SECRET, ServerURL: 'r' });
  const input = random.below(4) === 0 ? answer : mutateText(answer, random);
  const what = { program: 'docker-credential-x', registry: 'r.example' };
  const found = withoutSecret(() => parseHelperAnswer(input, what), input);
  check(found === undefined || found.serveraddress === 'r.example', 'credentials of another registry', input);
  return found !== undefined;
}

/** A secret that was in a file is in no error. */
function withoutSecret<T>(read: () => T, input: string): T {
  try {
    return read();
  } catch (error) {
    const told = error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error);
    check(!told.includes('hunter2') && !told.includes('aHVudGVy'), 'an error tells a secret', input);
    throw error;
  }
}

const HOSTS = [
  'unix:///run/docker.sock',
  'tcp://10.0.0.1:2375',
  'tcp://[fd00::7]:2376',
  'ssh://me@host:22',
  'ssh://h',
  'https://a.b',
];

async function tryHost(random: SeededRandom): Promise<boolean> {
  const input = mutateText(random.pick(HOSTS), random);
  if (input === '') return false;
  const env = { HOME: '/nonexistent', DOCKER_CONFIG: '/nonexistent' };
  const config = await configFromEnv({ ...env, DOCKER_HOST: input });
  const { transport } = config;
  check(transport.kind !== 'unix' || transport.path.startsWith('/'), 'a relative path', input);
  check(transport.kind !== 'ssh' || !transport.destination.startsWith('-'), 'an option of ssh', input);
  check(transport.kind === 'unix' || (transport.port ?? 1) <= 65_535, 'a port that is none', input);
  const again = await configFromEnv({ ...env, DOCKER_HOST: engineAddress(config) });
  check(engineAddress(again) === engineAddress(config), 'the address is read otherwise', input);
  return true;
}
