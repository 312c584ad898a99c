import { readFile } from 'node:fs/promises';
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';

const fields = z.record(z.string(), z.unknown());
const named = { name: z.string() };
const line = { ...named, line: z.string() };
const opened = { ...line, plaintext: z.string() };

const version1 = z.object({
  keys: z.array(z.object({ bits: z.number(), public_key: z.string(), private_key_pem: z.string() })),
  accepted: z.array(z.object({ ...named, rsa_bits: z.number(), payload: z.string(), expected: fields })),
  refused: z.array(z.object({ ...named, rsa_bits: z.number(), payload: z.string() })),
});

const version0 = z.object({
  kernel_id: z.string(),
  accepted: z.array(z.object({ ...named, payload: z.string(), expected: fields })),
  refused: z.array(z.object({ ...named, payload: z.string() })),
});

const keys = z.object({ secret_key: z.string(), public_key: z.string() });

const box = z.object({
  published: keys.extend({ shared_key: z.string(), nonce: z.string(), plaintext: z.string(), tag: z.string() }),
  sender: keys,
  recipient: keys,
  shared_key: z.string(),
  boxes: z.array(z.object({ ...named, nonce: z.string(), plaintext: z.string(), box: z.string() })),
  refused: z.array(z.object({ ...named, nonce: z.string(), box: z.string() })),
});

const version2 = z.object({
  kernel_id: z.string(),
  answer: z.object({
    listener: keys,
    launcher: keys,
    shared_key: z.string(),
    launcher_v2: z.string(),
    launcher_v2_json: z.string(),
    accepted: z.array(z.object({ ...opened, expected: fields })),
    refused: z.array(z.object(line)),
    replies: z.array(z.object({ ...line, ok: z.boolean() })),
  }),
  comm: z.object({
    comm_key: z.string(),
    kernel_id: z.string(),
    challenge: z.string(),
    hello: z.string(),
    requests: z.array(z.object(opened)),
    refused_requests: z.array(z.object(line)),
    bad_requests: z.array(z.object({ ...opened, error: z.string() })),
    replies: z.array(z.object(opened)),
    refused_replies: z.array(z.object(line)),
  }),
});

async function load<T>(name: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readFile(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8');
  return schema.parse(JSON.parse(text));
}

/** The test vectors of this package, typed. */
export const loadVectors = {
  box: () => load('box', box),
  version0: () => load('version0', version0),
  version1: () => load('version1', version1),
  version2: () => load('version2', version2),
};

/** The private RSA keys of the vectors of version 1, by their size. */
export function rsaKeys(vectors: z.infer<typeof version1>): ReadonlyMap<number, KeyObject> {
  return new Map(vectors.keys.map(({ bits, private_key_pem: pem }) => [bits, createPrivateKey(pem)]));
}
