import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { ProvisionerError, abortError, errorMessage, throwIfAborted } from '@gateway-provisioners/core';
import type { CallOptions, ConnectionInfo } from '@gateway-provisioners/core';
import { parseConnectionInfo } from './connection-info.ts';

/**
 * Reads and checks a Jupyter connection file.
 * Throws `INVALID_CONNECTION_INFO` when it is missing, not JSON, or lacks something; all problems at once.
 */
export async function readConnectionFile(path: string, options: CallOptions = {}): Promise<ConnectionInfo> {
  throwIfAborted(options.signal);
  try {
    const text = await readFile(path, { encoding: 'utf8', signal: options.signal });
    return parseConnectionInfo(JSON.parse(text));
  } catch (error) {
    if (options.signal?.aborted === true) throw abortError(options.signal);
    // The parser's own message quotes the text, and with it the key.
    if (error instanceof SyntaxError) throw unusable(path, 'it is not JSON');
    throw unusable(path, errorMessage(error), error);
  }
}

function unusable(path: string, reason: string, cause?: unknown): ProvisionerError {
  const text = `connection file ${path}: ${reason}`;
  return new ProvisionerError('INVALID_CONNECTION_INFO', text, cause === undefined ? {} : { cause });
}

/**
 * Writes a connection file that only its owner can read, since it holds the signing key. Whoever reads `path` finds
 * the old file or the whole new one. Throws `INVALID_CONNECTION_INFO` for what {@link readConnectionFile} would refuse,
 * else the file system's errors.
 */
export async function writeConnectionFile(path: string, info: ConnectionInfo): Promise<void> {
  const text = `${JSON.stringify(parseConnectionInfo(info), undefined, 2)}\n`;
  // In the same folder: only there is a rename atomic.
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
