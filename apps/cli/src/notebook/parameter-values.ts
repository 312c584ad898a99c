import type { JsonValue } from '@gateway-provisioners/core';
import { ProvisionerError } from '@gateway-provisioners/core';

/** A number as it was typed, so that `1.0` stays a float and a long integer keeps its digits. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type ParameterValue = JsonValue | NumberText;

export type Parameters = ReadonlyMap<string, ParameterValue>;

/** What was typed after a name: a number, a truth value, nothing, else text. */
export function guessParameterValue(text: string): ParameterValue {
  if (text === 'True' || text === 'true') return true;
  if (text === 'False' || text === 'false') return false;
  if (text === 'None' || text === 'null') return null;
  if (/^[+-]?(0|[1-9]\d*)$/.test(text)) return new NumberText(text.replace('+', ''));
  if (/^[+-]?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return new NumberText(text.replace(/^\+/, ''));
  return text;
}

/** Checks that a name can be an identifier in common languages: it becomes part of a program. */
export function checkParameterName(name: string): string {
  if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) return name;
  throw new ProvisionerError(
    'INVALID_ARGUMENT',
    `parameter name ${JSON.stringify(name)}: use letters, digits and '_', and begin with a letter or '_'`,
  );
}
