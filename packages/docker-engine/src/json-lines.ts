import { ProvisionerError } from '@gateway-provisioners/core';

const MAX_LINE_CHARACTERS = 4 * 1024 * 1024;

/**
 * Cuts a stream of JSON texts, one a line, into values; lines may arrive in any pieces.
 * Errors: `PROTOCOL_ERROR` for a line that is not JSON or is longer than 4 MiB.
 */
export async function* readJsonLines(chunks: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(bytesOf(chunk), { stream: true });
    let start = 0;
    for (let end = rest.indexOf('\n', start); end !== -1; end = rest.indexOf('\n', start)) {
      const line = rest.slice(start, end).trim();
      start = end + 1;
      if (line !== '') yield parseLine(line);
    }
    rest = rest.slice(start);
    if (rest.length > MAX_LINE_CHARACTERS) throw new ProvisionerError('PROTOCOL_ERROR', 'a line of JSON is too long');
  }
  rest = (rest + decoder.decode()).trim();
  if (rest !== '') yield parseLine(rest);
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new ProvisionerError('PROTOCOL_ERROR', 'a stream gave something else than bytes');
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ProvisionerError('PROTOCOL_ERROR', 'a line of the engine is not JSON', { cause });
  }
}
