import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import { membersOf, textsOf } from './json-members.ts';

/** What we use of Docker's `config.json`. */
export interface DockerConfigFile {
  readonly currentContext?: string;
  /** By registry. */
  readonly auths: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Suffixes of `docker-credential-…` programs, by registry. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore?: string;
}

const EMPTY: DockerConfigFile = { auths: new Map(), credHelpers: new Map() };

/** Reads `config.json`; a missing one is empty. Errors: `INVALID_CONFIG` naming the file. */
export async function readDockerConfig(configDir: string): Promise<DockerConfigFile> {
  const path = join(configDir, 'config.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].some((code) => code === systemErrorCode(error))) return EMPTY;
    throw new ProvisionerError('INVALID_CONFIG', `cannot read ${path}: ${errorMessage(error)}`, { cause: error });
  }
  return parseDockerConfig(text, path);
}

/** Entries of another shape are passed over, as the Docker CLI does. Errors: `INVALID_CONFIG` when it is no JSON. */
export function parseDockerConfig(text: string, path: string): DockerConfigFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's words may quote credentials.
    throw new ProvisionerError('INVALID_CONFIG', `${path} is not JSON`);
  }
  const root = membersOf(parsed);
  const auths = Object.entries(membersOf(root['auths'])).map(([registry, auth]) => [registry, textsOf(auth)] as const);
  const { currentContext, credsStore } = textsOf(root);
  return {
    auths: new Map(auths),
    credHelpers: new Map(Object.entries(textsOf(root['credHelpers']))),
    ...(currentContext === undefined ? {} : { currentContext }),
    ...(credsStore === undefined ? {} : { credsStore }),
  };
}
