import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How often the kernel of the operating system has killed in our control group for want of memory; 0 where unknown. */
export async function oomKills(): Promise<number> {
  const groups = await readIfThere('/proc/self/cgroup');
  const unified = /^0::(.*)$/m.exec(groups)?.[1];
  const files = [
    ...(unified === undefined ? [] : [join('/sys/fs/cgroup', unified, 'memory.events')]),
    // Inside a container the group's own root is mounted there.
    '/sys/fs/cgroup/memory.events',
    '/sys/fs/cgroup/memory/memory.oom_control',
  ];
  for (const file of files) {
    const count = /^oom_kill (\d+)$/m.exec(await readIfThere(file))?.[1];
    if (count !== undefined) return Number(count);
  }
  return 0;
}

async function readIfThere(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}
