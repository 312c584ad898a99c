import { ProvisionerError } from '@gateway-provisioners/core';
import type { CommChannel, CommState } from '@gateway-provisioners/core';
import { z } from 'zod';
import { keyBytesSchema } from '../payload/version2.ts';
import type { CommOptions } from './comm-options.ts';
import { CommVersion1 } from './comm-v1.ts';
import { CommVersion2 } from './comm-v2.ts';

// The state comes from a store: check it as what it is, somebody's file.
const address = { kernelId: z.string().min(1), host: z.string().min(1), port: z.int().min(1).max(65_535) };
const stateSchema = z.discriminatedUnion('version', [
  z.object({ version: z.literal(1), ...address }),
  z.object({ version: z.literal(2), ...address, key: keyBytesSchema, leaseMs: z.number().min(0).optional() }),
]);

/**
 * A client of the listener of a launcher. Nothing is contacted before the first call.
 * Errors: `INVALID_ARGUMENT` when the state is not one that a listener gave; values are not repeated.
 */
export function openComm(state: CommState, options: CommOptions = {}): CommChannel {
  const parsed = stateSchema.safeParse(state);
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path }) => path.map(String).join('.') || 'state');
    throw new ProvisionerError('INVALID_ARGUMENT', `the state of a comm channel is not usable: ${fields.join(', ')}`);
  }
  return parsed.data.version === 1
    ? new CommVersion1(state, options)
    : new CommVersion2(state, parsed.data.key, options);
}
