import { join } from 'node:path';
import { runProgram } from '../support/run-program.ts';
import { requiredVariable, workspaceFolder } from '../support/test-environment.ts';

export const deployFolder = join(workspaceFolder, 'deploy', 'compose');

/** Runs a program and returns what it printed. Errors: another exit code than 0, with all that it printed. */
export type Run = (program: string, ...args: readonly string[]) => Promise<string>;

/** `variables`: those of the files of `deploy/compose`, and DOCKER_HOST. */
export function runnerWith(variables: Readonly<Record<string, string>>): Run {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...variables };
  return async (program, ...args) => {
    const { exitCode, stdout, stderr } = await runProgram({
      command: [program, ...args],
      cwd: workspaceFolder,
      env,
      timeoutMs: 180_000,
    });
    if (exitCode === 0) return stdout;
    throw new Error(`${program} ${args.join(' ')} ended with ${String(exitCode)}\n${stdout}\n${stderr}`);
  };
}

/** `deploy/compose/docker-compose.yml` under a name of its own. */
export interface ComposeProject {
  /** Runs `docker compose ARGS…`. */
  readonly compose: (...args: readonly string[]) => Promise<string>;
  /** Runs `docker ARGS…`. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
}

export interface ComposeProjectOptions {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
}

export function composeProject({ name, variables }: ComposeProjectOptions): ComposeProject {
  const command = requiredVariable({ variable: 'GP_TEST_COMPOSE', script: 'tools/testbeds/compose.sh' });
  const [program = '', ...first] = command.split(' ');
  const run = runnerWith({
    DOCKER_HOST: requiredVariable({ variable: 'DOCKER_HOST', script: 'tools/testbeds/docker.sh' }),
    ...variables,
  });
  const file = join(deployFolder, 'docker-compose.yml');
  return {
    compose: (...args) => run(program, ...first, '--project-name', name, '--file', file, ...args),
    docker: (...args) => run('docker', ...args),
  };
}
