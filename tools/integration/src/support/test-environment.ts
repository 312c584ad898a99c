import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const workspaceFolder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');

/** Interpreter of the environment that `tools/testbeds/python.sh` makes; throws with what to do when there is none. */
export function testPython(): string {
  return requiredFile({ variable: 'GP_TEST_PYTHON', script: 'tools/testbeds/python.sh' });
}

/** An Rscript with IRkernel and sodium; throws with what to do when there is none. */
export function testR(): string {
  return requiredFile({ variable: 'GP_TEST_R', script: 'tools/testbeds/r.sh' });
}

/** A Chromium; throws with what to do when there is none. */
export function testBrowser(): string {
  return requiredFile({ variable: 'GP_TEST_CHROMIUM', script: 'tools/testbeds/browser.sh' });
}

interface Requirement {
  readonly variable: string;
  readonly script: string;
}

/** What a testbed's script exports; throws with what to do when it is not set. */
export function requiredVariable(need: Requirement): string {
  const value = process.env[need.variable];
  if (value !== undefined && value !== '') return value;
  throw new Error(`${need.variable} is not set: run  eval "$(${need.script} env)"  first`);
}

/** A file that a testbed's script makes and names in a variable; throws with what to do when there is none. */
export function requiredFile(need: Requirement): string {
  const path = requiredVariable(need);
  if (!existsSync(path)) {
    throw new Error(`${need.variable}=${path} does not exist: run  eval "$(${need.script} env)"  again`);
  }
  return path;
}
