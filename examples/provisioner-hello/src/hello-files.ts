import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, formatOwner, parseOwner } from '@gateway-provisioners/core';
import type {
  ConnectionInfo,
  JsonValue,
  ProcessIdentity,
  ProvisionerState,
  ResourceOwner,
} from '@gateway-provisioners/core';

/** What is stored with a kernel's record, and in its folder: enough to attach to it or to remove it. */
export interface HelloState extends ResourceOwner {
  /** Absent until the process was started. */
  readonly process?: ProcessIdentity;
}

const PREFIX = 'hello-';

/** One folder per incarnation; its name says whose it is. */
export class HelloFiles {
  readonly folder: string;

  constructor(runtimeDir: string, owner: ResourceOwner) {
    this.folder = join(runtimeDir, PREFIX + encodeURIComponent(formatOwner(owner)));
  }

  get connectionFile(): string {
    return join(this.folder, 'connection.json');
  }

  get logFile(): string {
    return join(this.folder, 'kernel.log');
  }

  async create(): Promise<void> {
    await mkdir(this.folder, { mode: 0o700 });
  }

  /** Holds the key with which messages are signed: for the owner's eyes only. */
  async writeConnection(info: ConnectionInfo): Promise<void> {
    await writeFile(this.connectionFile, JSON.stringify(info), { mode: 0o600 });
  }

  /** We wrote it, with mode 0600: it has the shape that we gave it. */
  async readConnection(): Promise<ConnectionInfo> {
    return JSON.parse(await readFile(this.connectionFile, 'utf8')) as ConnectionInfo;
  }

  async writeState(state: HelloState): Promise<void> {
    const path = join(this.folder, 'state.json');
    await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
    // Whoever reads meanwhile sees the old state or the new one.
    await rename(`${path}.new`, path);
  }

  /** Undefined when the launch did not get so far. */
  async readState(): Promise<HelloState | undefined> {
    try {
      return parseState(JSON.parse(await readFile(join(this.folder, 'state.json'), 'utf8')) as ProvisionerState);
    } catch {
      return undefined;
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Owners of all folders that exist. */
export async function ownersIn(runtimeDir: string): Promise<readonly ResourceOwner[]> {
  const names = await readdir(runtimeDir);
  return names.flatMap((name) => {
    const owner = name.startsWith(PREFIX) ? parseOwner(decodeURIComponent(name.slice(PREFIX.length))) : undefined;
    return owner === undefined ? [] : [owner];
  });
}

export function toState({ instanceId, kernelId, incarnation, process }: HelloState): ProvisionerState {
  const owner = { instanceId, kernelId, incarnation };
  return process === undefined ? owner : { ...owner, process: { ...process } };
}

/** Records come from a store: what they hold is checked. Errors: `INVALID_ARGUMENT`. */
export function parseState(state: ProvisionerState): HelloState {
  const { instanceId, kernelId, incarnation, process } = state;
  if (typeof instanceId !== 'string' || typeof kernelId !== 'string' || typeof incarnation !== 'number') {
    throw new ProvisionerError('INVALID_ARGUMENT', 'this state was not made by hello-provisioner');
  }
  const identity = parseIdentity(process);
  return { instanceId, kernelId, incarnation, ...(identity === undefined ? {} : { process: identity }) };
}

function parseIdentity(value: JsonValue | undefined): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value)) return undefined;
  const { pid, startTime } = value;
  return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : undefined;
}
