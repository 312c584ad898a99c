import { constants, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { systemErrorCode } from '../system-error.ts';

const DEFAULT_TAIL_BYTES = 16 * 1024;

/**
 * Opens an empty log file for a child's stdout and stderr: mode 0600, appending, so that both streams and a later trim
 * never overwrite each other. A symbolic link in its place is refused.
 */
export async function openLogFile(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  const handle = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_TRUNC | O_WRONLY, 0o600);
  try {
    // The mode of `open` counts for new files only.
    await handle.chmod(0o600);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The last `maxBytes` (default 16 KiB) of a file as text, cut at whole UTF-8 characters; bytes that are not UTF-8
 * become U+FFFD. Empty when the file does not exist.
 */
export async function readLogTail(path: string, options: { readonly maxBytes?: number } = {}): Promise<string> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - Math.max(0, options.maxBytes ?? DEFAULT_TAIL_BYTES));
    const buffer = Buffer.alloc(size - start);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return decodeTail(buffer.subarray(0, filled), { cutAtStart: start > 0 });
  } finally {
    await handle.close();
  }
}

/** Decodes UTF-8, without the incomplete characters at a cut start and at the end, where a writer may still be busy. */
export function decodeTail(bytes: Uint8Array, options: { readonly cutAtStart: boolean }): string {
  let start = 0;
  if (options.cutAtStart) {
    while (start < 3 && start < bytes.length && isContinuation(bytes[start])) start += 1;
  }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // `stream` holds back an incomplete character at the end.
  return decoder.decode(bytes.subarray(start), { stream: true });
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
