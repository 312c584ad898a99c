import { Buffer } from 'node:buffer';

/** From this size on, sending a part from where it stands costs less than one more copy of it in memory. */
export const BY_REFERENCE_BYTES: number = 1024 * 1024;

/** Whether a frame of these parts is better left in several chunks. */
export function isWorthSplitting(parts: readonly Buffer[]): boolean {
  return parts.some((part) => part.length >= BY_REFERENCE_BYTES);
}

/** The same bytes in few chunks: large parts as they are, what stands between them joined. */
export function gather(parts: readonly Buffer[]): Buffer[] {
  const chunks: Buffer[] = [];
  let small: Buffer[] = [];
  const join = (): void => {
    if (small.length > 0) chunks.push(Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length < BY_REFERENCE_BYTES) {
      small.push(part);
      continue;
    }
    join();
    chunks.push(part);
  }
  join();
  return chunks;
}
