import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { ProvisionerError, abortError, errorMessage, openDeadline, raceSignal } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { readDockerConfig } from './docker-config-file.ts';
import type { DockerConfigFile } from './docker-config-file.ts';
import { textsOf } from './json-members.ts';

/** What the engine sends to a registry for us. A secret. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

export interface CredentialsOptions {
  readonly configDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Helpers may ask a cloud for a token, or a person for a password: who is not there. */
const HELPER_MS = 20_000;
const DOCKER_HUB = 'https://index.docker.io/v1/';

/** The registry that an image's name stands for: `localhost:5000/a/b:1` is of `localhost:5000`, `a/b` of Docker Hub. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  if (rest.length === 0 || !(/[.:]/.test(first) || first === 'localhost')) return DOCKER_HUB;
  return first === 'docker.io' || first === 'index.docker.io' ? DOCKER_HUB : first;
}

/**
 * Credentials for an image's registry from Docker's configuration: a credential helper of the registry, the general one,
 * or the file itself. Undefined when there are none.
 * Errors: `INVALID_CONFIG` when the file or the helper's answer cannot be read, `DEADLINE_EXCEEDED` for a helper that says
 * nothing within 20 seconds, `CANCELLED`.
 */
export async function credentialsFor(
  image: string,
  options: CredentialsOptions,
): Promise<RegistryCredentials | undefined> {
  const registry = registryOf(image);
  const config = await readDockerConfig(options.configDir);
  const helper = config.credHelpers.get(registry) ?? config.credsStore;
  if (helper !== undefined) return await askHelper(helper, registry, options);
  return credentialsInFile(config, registry);
}

/** What the file itself holds for a registry, under its name or its host's. */
export function credentialsInFile(config: DockerConfigFile, registry: string): RegistryCredentials | undefined {
  const host = hostOf(registry);
  const auth = config.auths.get(registry) ?? [...config.auths].find(([key]) => hostOf(key) === host)?.[1];
  if (auth === undefined) return undefined;
  const { identitytoken } = auth;
  if (identitytoken !== undefined && identitytoken !== '') return { identitytoken, serveraddress: registry };
  // `auth` is base64 of "name:password"; a password may hold colons.
  const plain = auth['auth'] === undefined ? '' : Buffer.from(auth['auth'], 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  const username = auth['username'] ?? (colon < 0 ? undefined : plain.slice(0, colon));
  const password = auth['password'] ?? (colon < 0 ? undefined : plain.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  return { username, password, serveraddress: registry };
}

function hostOf(registry: string): string {
  return registry.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

async function askHelper(
  helper: string,
  registry: string,
  { env, clock, signal }: CredentialsOptions,
): Promise<RegistryCredentials | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) {
    throw new ProvisionerError('INVALID_CONFIG', `not a credential helper: ${JSON.stringify(helper)}`);
  }
  const program = `docker-credential-${helper}`;
  using scope = openDeadline({ what: program, timeoutMs: HELPER_MS, signal, clock });
  const child = spawn(program, ['get'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  let answer: string;
  let exitCode: number | null;
  try {
    child.stdin.on('error', () => undefined); // it may have ended already: its exit code tells
    child.stdin.end(registry);
    [answer, exitCode] = await raceSignal(Promise.all([text(child.stdout), ended]), scope.signal);
  } catch (cause) {
    if (scope.signal.aborted) throw abortError(scope.signal);
    throw new ProvisionerError('INVALID_CONFIG', `${program} could not be asked: ${errorMessage(cause)}`, { cause });
  } finally {
    child.kill('SIGKILL');
    // What it started may hold its end of the pipe for longer.
    child.stdout.destroy();
  }
  // A helper that has nothing for this registry ends with 1.
  return exitCode === 0 ? parseHelperAnswer(answer, { program, registry }) : undefined;
}

/** Reads what `docker-credential-… get` prints. Errors: `INVALID_CONFIG`, which repeats nothing of it. */
export function parseHelperAnswer(
  answer: string,
  { program, registry: serveraddress }: { readonly program: string; readonly registry: string },
): RegistryCredentials | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer);
  } catch {
    // The parser's words, which a cause would keep as well, may quote the secret.
    throw new ProvisionerError('INVALID_CONFIG', `the answer of ${program} is not JSON`);
  }
  const { Username: username, Secret: secret } = textsOf(parsed);
  if (username === undefined || secret === undefined) return undefined;
  // This name says that the secret is a token.
  return username === '<token>'
    ? { identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}
