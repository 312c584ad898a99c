/**
 * The Engine API's multiplexed log stream: frames of one byte for the stream (0..2), three zeros, four bytes of length,
 * and the payload. Returns stdout and stderr in the order in which they were written. A container with a terminal has no
 * frames: what does not look like one is taken as it is; so is the payload of a last frame that was cut off.
 */
export function joinLogFrames(stream: Buffer): Buffer {
  const payloads: Buffer[] = [];
  let offset = 0;
  while (offset < stream.length) {
    if (!isFrame(stream, offset)) {
      payloads.push(stream.subarray(offset));
      break;
    }
    const length = stream.readUInt32BE(offset + 4);
    payloads.push(stream.subarray(offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return Buffer.concat(payloads);
}

/** The last `maxBytes` bytes as text, cut at the beginning of a character. */
export function tailText(bytes: Buffer, maxBytes: number): string {
  let start = Math.max(0, bytes.length - maxBytes);
  if (start > 0) while (start < bytes.length && (bytes.readUInt8(start) & 0xc0) === 0x80) start += 1;
  return bytes.toString('utf8', start);
}

function isFrame(stream: Buffer, offset: number): boolean {
  return (
    stream.length - offset >= 8 &&
    stream.readUInt8(offset) <= 2 &&
    stream.readUInt8(offset + 1) === 0 &&
    stream.readUInt16BE(offset + 2) === 0
  );
}
