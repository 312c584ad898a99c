/** What a host says about a kernel. */
export type KernelReport =
  | { readonly is: 'alive' | 'gone'; readonly log: string }
  | { readonly is: 'exited'; readonly status: number; readonly log: string };

/**
 * Reads what the program that looks for a kernel prints: `alive`, `exit STATUS` or anything else, in a line, and the end of
 * its log. Never throws.
 */
export function parseKernelReport(output: Buffer, maxLogBytes: number): KernelReport {
  const end = output.indexOf('\n');
  const line = output.toString('latin1', 0, end === -1 ? output.length : end);
  const log = end === -1 ? '' : decodeTail(output.subarray(end + 1), maxLogBytes);
  const [, status] = /^exit (\d{1,10})$/.exec(line) ?? [];
  if (status !== undefined) return { is: 'exited', status: Number(status), log };
  return { is: line === 'alive' ? 'alive' : 'gone', log };
}

/** UTF-8 without the incomplete characters at both ends. */
function decodeTail(bytes: Buffer, maxBytes: number): string {
  let start = Math.max(0, bytes.length - maxBytes);
  const limit = Math.min(bytes.length, start + 3);
  while (start < limit && (bytes.readUInt8(start) & 0xc0) === 0x80) start += 1;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start), { stream: true });
}
