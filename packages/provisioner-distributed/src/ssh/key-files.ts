import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  ProvisionerError,
  errorMessage,
  isProvisionerError,
  systemErrorCode,
  withDeadline,
} from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { z } from 'zod';
import { isEncrypted } from './encrypted-key.ts';

/** A private key that the SSH library reads without effort. */
export type PrivateKey = string;

const PROGRAM = fileURLToPath(new URL('../../programs/decrypt-key.mjs', import.meta.url));
/** For the most rounds that anybody gives to a key, on a machine that is busy. */
const DECRYPTION_MS = 120_000;
const answerSchema = z.union([z.object({ key: z.string() }), z.object({ error: z.string() })]);

/** Reads key files; each encrypted one is decrypted once, off the main thread. */
export class KeyFiles {
  readonly #decrypted = new Map<string, Promise<PrivateKey>>();
  readonly #decrypt: typeof decryptInWorker;

  constructor(decrypt = decryptInWorker) {
    this.#decrypt = decrypt;
  }

  /**
   * The key in a file; undefined when there is no such file and `required` is not set.
   * Errors: `HOST_AUTHENTICATION_FAILED` naming the file, for one that cannot be read or decrypted.
   */
  async read(path: string, options: KeyFileOptions): Promise<PrivateKey | undefined> {
    let key: string;
    try {
      key = await readFile(path, 'latin1');
    } catch (error) {
      if (!options.required && systemErrorCode(error) === 'ENOENT') return undefined;
      throw unusable(path, errorMessage(error), error);
    }
    if (!isEncrypted(key)) return key;
    const { passphrase } = options;
    if (passphrase === undefined) {
      // One of the usual names, which may belong to other purposes.
      if (!options.required) return undefined;
      throw unusable(path, 'it is encrypted and no passphrase is configured (GP_SSH_KEY_PASSPHRASE)');
    }
    const id = JSON.stringify([key, passphrase]);
    const known = this.#decrypted.get(id) ?? this.#decrypt(path, key, passphrase);
    this.#decrypted.set(id, known);
    try {
      const what = `the decryption of the key file ${path}`;
      const { signal, clock } = options;
      return await withDeadline({ what, timeoutMs: DECRYPTION_MS, signal, clock }, () => known);
    } catch (error) {
      this.#decrypted.delete(id);
      if (isProvisionerError(error, 'DEADLINE_EXCEEDED')) throw unusable(path, errorMessage(error), error);
      throw error;
    }
  }
}

interface KeyFileOptions {
  readonly required: boolean;
  readonly passphrase: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock: Clock;
}

/** Errors: as {@link KeyFiles.read}. */
export async function decryptInWorker(path: string, key: string, passphrase: string): Promise<PrivateKey> {
  const worker = new Worker(PROGRAM, { workerData: { key, passphrase }, env: {} });
  try {
    const messages: unknown = await once(worker, 'message');
    const [answer] = z.tuple([answerSchema]).parse(messages);
    if ('key' in answer) return answer.key;
    throw unusable(path, answer.error);
  } finally {
    await worker.terminate();
  }
}

function unusable(path: string, why: string, cause?: unknown): ProvisionerError {
  return new ProvisionerError('HOST_AUTHENTICATION_FAILED', `the key file ${path} cannot be used: ${why}`, { cause });
}
