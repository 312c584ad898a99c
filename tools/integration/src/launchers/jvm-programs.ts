import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launchersDir } from '@gateway-provisioners/launchers';
import { runProgram } from '../support/run-program.ts';
import type { ProgramResult } from '../support/run-program.ts';
import { toreeLauncherJar } from './spark-testbed.ts';

const sources = join(launchersDir, 'scala/testing/launcher');

interface RunOptions {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs classes of the JVM launcher's jar and of its test programs. */
export class JvmPrograms {
  readonly #classPath: string;
  readonly #javaHome: string | undefined;

  private constructor(classPath: string, javaHome: string | undefined) {
    this.#classPath = classPath;
    this.#javaHome = javaHome;
  }

  /** Compiles the test programs into a folder. Java is the one of `javaHome` (a JDK), else of the PATH. */
  static async compile(folder: string, javaHome: string | undefined): Promise<JvmPrograms> {
    const jar = toreeLauncherJar();
    const programs = new JvmPrograms(`${folder}:${jar}`, javaHome);
    const files = (await readdir(sources)).map((name) => join(sources, name));
    const compile = ['javac', '-cp', jar, '-d', folder, ...files] as const;
    const { exitCode, stderr } = await programs.#tool(compile, { timeoutMs: 120_000 });
    if (exitCode !== 0) throw new Error(`javac failed:\n${stderr}`);
    return programs;
  }

  async run(mainClass: string, args: readonly string[], options: RunOptions): Promise<ProgramResult> {
    return await this.#tool(['java', '-cp', this.#classPath, mainClass, ...args], options);
  }

  async #tool([name, ...args]: readonly [string, ...string[]], { timeoutMs, env }: RunOptions): Promise<ProgramResult> {
    const program = this.#javaHome === undefined ? name : join(this.#javaHome, 'bin', name);
    const base = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' };
    return await runProgram({ command: [program, ...args], cwd: sources, env: { ...base, ...env }, timeoutMs });
  }
}
