import type { MarkedProcess, ProcessTable } from '@gateway-provisioners/core';

/**
 * A table whose scans of all processes by variable are shared: many kernels that are ended at once cost two scans, not
 * one each. A caller gets a scan that began after it asked, never an older one.
 */
export function sharedScans(table: ProcessTable): ProcessTable {
  const running = new Map<string, Promise<unknown>>();
  const waiting = new Map<string, Promise<readonly MarkedProcess[]>>();

  const begin = (name: string): Promise<readonly MarkedProcess[]> => {
    const scan = table.withVariable(name);
    const settled = scan.then(
      () => undefined,
      () => undefined,
    );
    running.set(name, settled);
    void settled.then(() => {
      if (running.get(name) === settled) running.delete(name);
    });
    return scan;
  };

  return {
    lookup: (pids) => table.lookup(pids),
    groupMembers: (pgid) => table.groupMembers(pgid),
    withVariable(name) {
      const before = running.get(name);
      if (before === undefined) return begin(name);
      let next = waiting.get(name);
      if (next === undefined) {
        next = before.then(() => {
          waiting.delete(name);
          return begin(name);
        });
        waiting.set(name, next);
      }
      return next;
    },
  };
}
