import { ProvisionerError } from '@gateway-provisioners/core';
import { encodeCommandFrame } from './frame-encoder.ts';

export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** Splits a command's body into name and data. Errors: `PROTOCOL_ERROR`. */
export function parseCommand(body: Buffer): Command {
  const nameBytes = body.length === 0 ? 0 : body.readUInt8(0);
  if (nameBytes === 0 || nameBytes + 1 > body.length) {
    throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: a command without a name, or shorter than its name');
  }
  return { name: body.toString('latin1', 1, 1 + nameBytes), data: body.subarray(1 + nameBytes) };
}

/** A whole command frame, ready to be written. */
export function encodeCommand(name: string, data: Buffer): Buffer {
  return encodeCommandFrame(Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1'), data]));
}

/** The READY command's metadata, names in lower case: they compare without case. Errors: `PROTOCOL_ERROR`. */
export function parseMetadata(data: Buffer): ReadonlyMap<string, Buffer> {
  const properties = new Map<string, Buffer>();
  for (let at = 0; at < data.length;) {
    const nameEnd = at + 1 + data.readUInt8(at);
    const valueAt = nameEnd + 4;
    if (nameEnd === at + 1 || valueAt > data.length) throw malformedMetadata();
    const valueEnd = valueAt + data.readUInt32BE(nameEnd);
    if (valueEnd > data.length) throw malformedMetadata();
    properties.set(data.toString('latin1', at + 1, nameEnd).toLowerCase(), data.subarray(valueAt, valueEnd));
    at = valueEnd;
  }
  return properties;
}

/** Metadata of a READY command. Names are 1..255 ASCII bytes. */
export function encodeMetadata(properties: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(properties)) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    parts.push(Buffer.from([name.length]), Buffer.from(name, 'latin1'), length, value);
  }
  return Buffer.concat(parts);
}

function malformedMetadata(): ProvisionerError {
  return new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: the metadata of the READY command is malformed');
}
