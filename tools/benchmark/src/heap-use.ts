/**
 * Preloaded into a server that runs on Node: on SIGUSR2 it collects garbage and writes what JavaScript's objects and their
 * buffers take then, in bytes, to the file that FIGURES_FILE names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const file = process.env['FIGURES_FILE'];
// NODE_OPTIONS does not take --expose-gc.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  void tell();
});

async function tell(): Promise<void> {
  if (file === undefined) return;
  // Twice: what finalizers let go of in the first round is collected in the second.
  for (let round = 0; round < 2; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  writeFileSync(`${file}.new`, JSON.stringify({ usedBytes: heapUsed + external }));
  renameSync(`${file}.new`, file);
}
