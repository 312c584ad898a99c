import { afterAll, beforeAll } from '@jest/globals';
import type { RunningServer } from './server-process.ts';

/**
 * A server for all tests of the surrounding `describe` or file. It fails the suite when the server does not start, does
 * not end, or leaves a process behind.
 */
export function suiteServer(start: () => Promise<RunningServer>): { readonly current: RunningServer } {
  let server: RunningServer | undefined;
  beforeAll(async () => {
    server = await start();
  }, 90_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, 120_000);
  return {
    get current() {
      if (server === undefined) throw new Error('the server has not been started');
      return server;
    },
  };
}
