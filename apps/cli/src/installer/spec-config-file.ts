import { readFile } from 'node:fs/promises';
import { errorMessage } from '@gateway-provisioners/core';
import { WrongCommandLine } from '../failed-command.ts';

/**
 * A Jupyter configuration file in JSON: traits by class, `{"DockerSpecInstaller": {"image_name": "x"}}`, or without
 * classes. Other programs' classes are left alone, as Jupyter does.
 */
export async function readSpecConfig(
  path: string,
  classes: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  if (path.endsWith('.py')) {
    const message = `${path} is a Python program, which is not run here: give the same settings as JSON, or as options`;
    throw new WrongCommandLine(message);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new WrongCommandLine(`${path} cannot be read as JSON: ${errorMessage(error)}`);
  }
  if (!isObject(parsed)) throw new WrongCommandLine(`${path} does not hold a JSON object`);
  const values: Record<string, unknown> = {};
  // The program's own class is stronger than those that it derives from, wherever it stands.
  for (const name of classes) if (isObject(parsed[name])) Object.assign(values, parsed[name]);
  for (const [name, value] of Object.entries(parsed)) if (!/^[A-Z]/.test(name)) values[name] = value;
  return values;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
