import { ManualClock } from '@gateway-provisioners/core/testing';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import type { Manager } from '../manager/manager.ts';
import { memoryStore } from '../store/memory-store.ts';
import type { KernelStore } from '../store/kernel-store.ts';
import type { FakeBackend } from './fake-backend.ts';
import { testManager } from './test-manager.ts';
import type { TestManagerOptions } from './test-manager.ts';

interface ManagerUnderTest {
  readonly manager: Manager;
  readonly backend: FakeBackend;
  readonly clock: ManualClock;
  readonly store: KernelStore;
}

interface ManagerBench {
  /** A manager over a fake backend, on a clock that the test moves. */
  readonly setUp: (options?: TestManagerOptions) => Promise<ManagerUnderTest>;
  /** Ends all kernels and closes all managers that were set up since the last call. */
  readonly clear: () => Promise<void>;
}

export function managerBench(): ManagerBench {
  const managers: Manager[] = [];
  return {
    setUp: async (options = {}) => {
      const clock = new ManualClock();
      const store = options.store ?? memoryStore();
      const made = await testManager({ clock, store, ...options });
      managers.push(made.manager);
      return { ...made, clock, store };
    },
    clear: async () => {
      for (const manager of managers.splice(0)) {
        for (const kernel of manager.list()) await kernel.shutdown({ now: true });
        await manager.close({ kernels: 'end' });
      }
    },
  };
}

/** A request to run code, from a client's session. */
export function executeRequest(code: string, msgId?: string): KernelMessage {
  return createMessage({ channel: 'shell', msgType: 'execute_request', content: { code }, session: 'client', msgId });
}
