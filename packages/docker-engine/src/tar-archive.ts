import { ProvisionerError } from '@gateway-provisioners/core';
import type { ContainerFile } from './engine.ts';

const BLOCK = 512;

/**
 * A tar archive (POSIX ustar) of small files and folders, for `PUT /containers/ID/archive` at `/`.
 * Errors: `INVALID_ARGUMENT` for a path that is not absolute or too long for the format (100 bytes).
 */
export function tarArchive(files: readonly ContainerFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const file of files) {
    const content = Buffer.from(file.content);
    parts.push(header(file, content.length), content, Buffer.alloc(-content.length & (BLOCK - 1)));
  }
  // Two empty blocks are the end.
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(file: ContainerFile, size: number): Buffer {
  const name = file.path.replace(/^\/+/, '');
  const isFolder = name.endsWith('/');
  if (!file.path.startsWith('/') || name === '' || Buffer.byteLength(name) > 100 || name.includes('\0')) {
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `not a path for a file in a container: ${JSON.stringify(file.path)}`,
    );
  }
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  writeOctal(block, { value: file.mode, offset: 100, length: 8 });
  writeOctal(block, { value: file.uid, offset: 108, length: 8 });
  writeOctal(block, { value: file.gid, offset: 116, length: 8 });
  writeOctal(block, { value: size, offset: 124, length: 12 });
  writeOctal(block, { value: 0, offset: 136, length: 12 });
  block.fill(' ', 148, 156);
  block.write(isFolder ? '5' : '0', 156);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function writeOctal(
  block: Buffer,
  { value, offset, length }: { readonly value: number; readonly offset: number; readonly length: number },
): void {
  const digits = value.toString(8).padStart(length - 1, '0');
  if (!Number.isSafeInteger(value) || value < 0) throw new ProvisionerError('INVALID_ARGUMENT', 'not a tar number');
  if (digits.length <= length - 1) {
    block.write(digits, offset);
    return;
  }
  // Base-256, for user ids above what seven octal digits hold.
  block.writeUIntBE(value, offset + length - 6, 6);
  block.writeUInt8(0x80, offset);
}
