import { InvalidArgumentError } from 'commander';
import { errorMessage } from '@gateway-provisioners/core';
import type { ParameterValue } from '../notebook/parameter-values.ts';
import { parseParameter } from '../run/parameter-arguments.ts';

type Pair<T> = readonly [name: string, value: T];

/** `NAME=TEXT`, collected. */
export function parsePair(text: string, previous: readonly Pair<string>[]): readonly Pair<string>[] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('use name=module.');
  return [...previous, [text.slice(0, at), text.slice(at + 1)]];
}

/** `-p`: the value's type is guessed. */
export function parseGuessed(text: string, previous: readonly Pair<ParameterValue>[]): readonly Pair<ParameterValue>[] {
  return [...previous, parsed(text, false)];
}

/** `-r`: the value is text. */
export function parseRaw(text: string, previous: readonly Pair<ParameterValue>[]): readonly Pair<ParameterValue>[] {
  return [...previous, parsed(text, true)];
}

/** Seconds, more than 0, as milliseconds. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0)) throw new InvalidArgumentError('use a number of seconds, more than 0.');
  return seconds * 1_000;
}

function parsed(text: string, raw: boolean): Pair<ParameterValue> {
  try {
    return parseParameter(text, raw);
  } catch (error) {
    throw new InvalidArgumentError(`${errorMessage(error)}.`);
  }
}
