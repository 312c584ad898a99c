import { readFile } from 'node:fs/promises';

/**
 * Any server that speaks Jupyter's REST and WebSocket interface: which program, where, with which token. The same files
 * serve tools/benchmark. In `command` and `url` are filled in: `{port}` a free port, `{token}` the token, `{python}`
 * the test Python, `{node}` this Node, `{root}` the checkout, `{scratch}` the run's own folder.
 */
export interface ServerDefinition {
  /** For tables and error texts. */
  readonly name: string;
  /** Program and arguments. Absent: the server runs already, at `url`. */
  readonly command?: readonly string[] | undefined;
  /** Base URL. Absent: `{port}` on loopback when the command names one, else the first URL that the server prints. */
  readonly url?: string | undefined;
  /** Absent: made up when the command has `{token}`, else the server asks for none. */
  readonly token?: string | undefined;
  /** Variables besides those of the scratch folder. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Reads a definition from a JSON file. Errors name the file, the key and what was expected. */
export async function readServerDefinition(path: string): Promise<ServerDefinition> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: not a readable JSON file`, { cause: error });
  }
  return parseServerDefinition(value, path);
}

/** `source` is the name that errors give to the value. */
export function parseServerDefinition(value: unknown, source: string): ServerDefinition {
  if (!isRecord(value)) throw new Error(`${source}: expected an object`);
  for (const key of Object.keys(value)) {
    if (!knownKeys.has(key)) {
      throw new Error(`${source}: unknown key "${key}"; known are ${[...knownKeys].join(', ')}`);
    }
  }
  const { name, command, url, token, env } = value;
  if (typeof name !== 'string' || name === '') throw new Error(`${source}: "name" must be a non-empty text`);
  if (command !== undefined && !(isTextArray(command) && command.length > 0)) {
    throw new Error(`${source}: "command" must be a list of texts, the program first`);
  }
  if (url !== undefined && typeof url !== 'string') throw new Error(`${source}: "url" must be a text`);
  if (command === undefined && url === undefined) throw new Error(`${source}: "command" or "url" is needed`);
  if (token !== undefined && typeof token !== 'string') throw new Error(`${source}: "token" must be a text`);
  if (env !== undefined && !isTextRecord(env)) throw new Error(`${source}: "env" must map names to texts`);
  return { name, command, url, token, env };
}

const knownKeys = new Set(['name', 'command', 'url', 'token', 'env']);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
}
