import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerDefinition } from './server-definition.ts';
import { readServerDefinition } from './server-definition.ts';
import { startServer } from './server-process.ts';
import type { RunningServer } from './server-process.ts';
import { testPython, workspaceFolder } from './test-environment.ts';

export interface GatewayOptions {
  /** Arguments of `gateway-provisioners start` after the port and the authentication. */
  readonly args?: readonly string[] | undefined;
  /** `token` (default) or `none`. */
  readonly auth?: 'token' | 'none' | undefined;
}

/** How our gateway, as built into `apps/cli/dist`, is started. */
export function gatewayDefinition(options: GatewayOptions = {}): ServerDefinition {
  const main = cliProgram();
  const token = options.auth === 'none' ? undefined : 'integration-token';
  const authentication = token === undefined ? ['--auth', 'none'] : ['--token', token];
  return {
    name: 'gateway-provisioners',
    command: [process.execPath, main, 'start', '--port', '0', ...authentication, ...(options.args ?? [])],
    token,
  };
}

/** Path of the built command line program; throws with what to do when it was not built. */
export function cliProgram(): string {
  const main = join(workspaceFolder, 'apps', 'cli', 'dist', 'main.js');
  if (!existsSync(main)) throw new Error(`${main} does not exist: run  npm run build  first`);
  return main;
}

/**
 * Starts the gateway. `GP_TEST_SERVER=definition.json` (its tests with a token) or `GP_TEST_OPEN_SERVER` (those of
 * clients that send none) point a suite at another server instead.
 */
export async function gatewayUnderTest(options: GatewayOptions = {}): Promise<RunningServer> {
  const python = testPython();
  const other = process.env[options.auth === 'none' ? 'GP_TEST_OPEN_SERVER' : 'GP_TEST_SERVER'];
  const definition =
    other === undefined || other === '' ? gatewayDefinition(options) : await readServerDefinition(other);
  return await startServer({ definition, python });
}
