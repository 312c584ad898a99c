import { expect } from '@jest/globals';
import type { CommState } from '@gateway-provisioners/core';
import { CommConnection } from '@gateway-provisioners/launcher-protocol/testing';

/**
 * Requests of one connection are answered in their order, each once: one that was recorded and comes again, on the same
 * connection or another, is not answered, and the connection is closed.
 */
export async function expectSequencedComm(state: CommState): Promise<void> {
  using connection = await CommConnection.open(state);
  const first = connection.encode({ request: 'ping' }, 1);
  const second = connection.encode({ request: 'signal', signum: 0 }, 2);
  for (const [index, line] of [first, second].entries()) {
    const reply = await connection.say(line);
    expect(connection.decode(reply ?? '', index + 1)).toMatchObject({ ok: true });
  }
  expect(await connection.say(first)).toBeUndefined();
  for (const refused of [first, second]) {
    using another = await CommConnection.open(state);
    expect(await another.say(refused)).toBeUndefined();
  }
  using skipping = await CommConnection.open(state);
  expect(await skipping.say(skipping.encode({ request: 'ping' }, 2))).toBeUndefined();
}
