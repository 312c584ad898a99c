import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { EngineTls } from './engine-config.ts';
import { membersOf } from './json-members.ts';

export interface DockerContext {
  /** `unix:///…`, `tcp://…`, `ssh://…` */
  readonly host: string;
  readonly tls?: EngineTls;
}

/**
 * The endpoint of a Docker context as `docker context create` stores it; undefined for none and for `default`.
 * Errors: `INVALID_CONFIG` when there is no such context or it has no Docker endpoint.
 */
export async function currentContext(name: string | undefined, configDir: string): Promise<DockerContext | undefined> {
  if (name === undefined || name === '' || name === 'default') return undefined;
  const folder = createHash('sha256').update(name).digest('hex');
  const metaPath = join(configDir, 'contexts', 'meta', folder, 'meta.json');
  const meta = await readText(metaPath);
  const parsed: unknown = meta === undefined ? undefined : parseJson(meta, metaPath);
  const endpoint = membersOf(membersOf(membersOf(parsed)['Endpoints'])['docker']);
  const host = endpoint['Host'];
  if (typeof host !== 'string') {
    throw new ProvisionerError('INVALID_CONFIG', `there is no Docker context ${JSON.stringify(name)} in ${configDir}`);
  }
  const tlsDir = join(configDir, 'contexts', 'tls', folder, 'docker');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readText(join(tlsDir, file))),
  );
  if (ca === undefined && cert === undefined && key === undefined) return { host };
  const tls: EngineTls = {
    verify: endpoint['SkipTLSVerify'] !== true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
  return { host, tls };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProvisionerError('INVALID_CONFIG', `${path} is not JSON`, { cause });
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) return undefined;
    throw new ProvisionerError('INVALID_CONFIG', `cannot read ${path}`, { cause });
  }
}
