import { readFile } from 'node:fs/promises';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import { objectAt } from '../notebook/notebook.ts';
import { checkParameterName, guessParameterValue } from '../notebook/parameter-values.ts';
import type { ParameterValue, Parameters } from '../notebook/parameter-values.ts';

const FLAGS: ReadonlySet<string> = new Set(['-p', '--parameter', '-r', '--raw-parameter']);

/**
 * Turns `-p NAME VALUE` into `--parameter=NAME=VALUE`: the parser of options has none with two values. `-p NAME=VALUE`
 * is accepted as well. What follows `--` is left alone.
 */
export function joinParameterArguments(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') return [...joined, ...args.slice(index)];
    const name = args[index + 1];
    if (!FLAGS.has(arg) || name === undefined) {
      joined.push(arg);
      continue;
    }
    const flag = arg === '-p' || arg === '--parameter' ? '--parameter' : '--raw-parameter';
    const value = args[index + 2];
    index += 1;
    if (name.includes('=') || value === undefined) {
      joined.push(`${flag}=${name}`);
    } else {
      joined.push(`${flag}=${name}=${value}`);
      index += 1;
    }
  }
  return joined;
}

/** `NAME=VALUE`, its value guessed, or taken as text if `raw`. Errors: `INVALID_ARGUMENT`. */
export function parseParameter(text: string, raw: boolean): readonly [name: string, value: ParameterValue] {
  const at = text.indexOf('=');
  if (at < 0) {
    throw new ProvisionerError('INVALID_ARGUMENT', `parameter ${JSON.stringify(text)} has no value: -p NAME VALUE`);
  }
  const value = text.slice(at + 1);
  return [checkParameterName(text.slice(0, at)), raw ? value : guessParameterValue(value)];
}

/** A JSON file that holds an object. Errors: `INVALID_ARGUMENT` that names the file. */
export async function readParameterFile(path: string): Promise<Parameters> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const message = `parameters cannot be read from ${path}: ${errorMessage(cause)}`;
    throw new ProvisionerError('INVALID_ARGUMENT', message, { cause });
  }
  const record = objectAt(value);
  if (record === undefined) throw new ProvisionerError('INVALID_ARGUMENT', `${path} must hold a JSON object`);
  return new Map(Object.entries(record).map(([name, item]) => [checkParameterName(name), item ?? null]));
}
