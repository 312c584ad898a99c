import type { FuzzReport, FuzzTarget } from '@gateway-provisioners/core/testing';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { JvmPrograms } from './jvm-programs.ts';

/** What the JVM launcher reads, and its listener. Needs a JDK: `JAVA_HOME`, else the PATH. */
export const jvmFuzzTarget: FuzzTarget = {
  name: 'toree-launcher',
  async run(seed: number, durationMs: number): Promise<FuzzReport> {
    await using scratch = await createScratchFolder();
    const programs = await JvmPrograms.compile(await scratch.folder('classes'), process.env['JAVA_HOME']);
    const args = [String(seed), String(durationMs / 1000)];
    const result = await programs.run('launcher.ListenerFuzz', args, { timeoutMs: durationMs * 2 + 120_000 });
    if (result.exitCode !== 0) throw new Error(`seed ${String(seed)}:\n${result.stderr}`);
    const [runs, accepted] = result.stdout.trim().split(' ').map(Number);
    if (runs === undefined || accepted === undefined) throw new Error(`no report: ${result.stdout}`);
    return { runs, accepted };
  },
};
