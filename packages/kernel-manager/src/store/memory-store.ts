import { randomUUID } from 'node:crypto';
import { recordConflict } from './record-conflict.ts';
import type { KernelStore, StoredRecord } from './kernel-store.ts';

/** Keeps records for as long as the process lives: for programs that end their kernels themselves. */
export function memoryStore(): KernelStore {
  const records = new Map<string, StoredRecord>();
  let instanceId: string | undefined;
  return {
    open(options) {
      instanceId = options.instanceId ?? instanceId ?? randomUUID();
      return Promise.resolve(instanceId);
    },
    get: (kernelId) => Promise.resolve(records.get(kernelId)),
    list: () => Promise.resolve({ records: [...records.values()], problems: [] }),
    put(record, { version }) {
      const stored = records.get(record.kernelId)?.version ?? 0;
      if (stored !== version) return Promise.reject(recordConflict(record.kernelId, version, stored));
      records.set(record.kernelId, { record, version: version + 1 });
      return Promise.resolve(version + 1);
    },
    delete(kernelId, options = {}) {
      const stored = records.get(kernelId)?.version;
      if (stored !== undefined && options.version !== undefined && stored !== options.version) {
        return Promise.reject(recordConflict(kernelId, options.version, stored));
      }
      records.delete(kernelId);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
