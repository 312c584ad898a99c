import { expect, test } from '@jest/globals';
import { expectSequencedComm } from './comm-sequence.ts';
import { LauncherBench } from './launcher-bench.ts';
import { listenerPrograms } from './listener-programs.ts';

test.each(['python', 'node', 'r'] as const)(
  'requests to the listener in %s count in their order only',
  async (name) => {
    await using bench = await LauncherBench.start();
    const launched = await bench.launch({ argv: listenerPrograms[name] });
    const { comm } = await launched.answer();
    if (comm === undefined) throw new Error('the launcher has no listener');
    await expectSequencedComm(comm.state);
    expect(await comm.isAlive()).toBe(true);
    await comm.shutdown();
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  },
);
