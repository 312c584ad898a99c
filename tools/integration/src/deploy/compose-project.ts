import { join } from 'node:path';
import { runProgram } from '../support/run-program.ts';
import { requiredVariable, workspaceFolder } from '../support/test-environment.ts';

/** `deploy/compose/docker-compose.yml` under a name of its own. */
export interface ComposeProject {
  /** Runs `docker compose ARGS…` and returns what it printed. Errors: another exit code than 0, with all that it printed. */
  compose(...args: readonly string[]): Promise<string>;
  /** Runs `docker ARGS…` likewise. */
  docker(...args: readonly string[]): Promise<string>;
}

export interface ComposeProjectOptions {
  readonly name: string;
  /** Values for the variables of the file. */
  readonly variables: Readonly<Record<string, string>>;
}

export function composeProject({ name, variables }: ComposeProjectOptions): ComposeProject {
  const command = requiredVariable({ variable: 'GP_TEST_COMPOSE', script: 'tools/testbeds/compose.sh' }).split(' ');
  const file = join(workspaceFolder, 'deploy', 'compose', 'docker-compose.yml');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    DOCKER_HOST: requiredVariable({ variable: 'DOCKER_HOST', script: 'tools/testbeds/docker.sh' }),
    ...variables,
  };
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runProgram({
      command: [program, ...args],
      cwd: workspaceFolder,
      env,
      timeoutMs: 120_000,
    });
    if (exitCode === 0) return stdout;
    throw new Error(`${program} ${args.join(' ')} ended with ${String(exitCode)}\n${stdout}\n${stderr}`);
  };
  const [program = '', ...first] = command;
  return {
    compose: (...args) => run(program, [...first, '--project-name', name, '--file', file, ...args]),
    docker: (...args) => run('docker', args),
  };
}
