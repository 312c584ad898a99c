import { ProvisionerError } from '@gateway-provisioners/core';

/** One option of `spark-submit` or `dask-yarn submit`. */
export type ProgramOption = readonly [option: string] | readonly [option: string, value: string];

/** `--conf key=value`. */
export function conf(key: string, value: string): ProgramOption {
  return ['--conf', `${key}=${value}`];
}

/**
 * Options as one text for a variable such as `SPARK_OPTS`, as `bin/run.sh` reads it: words with shell quotes, `${NAME}`
 * replaced. The texts in `more` follow as they are. Errors: as {@link checkOptionText}.
 */
export function optionText(options: readonly ProgramOption[], ...more: readonly string[]): string {
  const words = options.flatMap((option) => option.map(quoteWord));
  const text = [...words, ...more.filter((part) => part.trim() !== '')].join(' ');
  checkOptionText('a path or address in the options', text);
  return text;
}

/** Variables stay variables; everything else that has a meaning in quotes loses it. */
function quoteWord(word: string): string {
  return /^[^\s'"\\`]+$/.test(word) ? word : `"${word.replace(/["\\`]/g, '\\$&')}"`;
}

/**
 * Errors: `INVALID_ARGUMENT` for what `bin/run.sh` would refuse at each start of a kernel: an open quote, a backslash at
 * the end, `$(…)`, a backtick.
 */
export function checkOptionText(name: string, text: string): void {
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (quote === "'") {
      if (char === quote) quote = '';
    } else if (char === '\\') {
      at += 1;
      if (at >= text.length) throw refused(name, 'a backslash at the end');
    } else if (char === quote) {
      quote = '';
    } else if (char === '"' || (char === "'" && quote === '')) {
      quote = char;
    } else if (char === '`' || text.startsWith('$(', at)) {
      throw refused(name, 'a command to be run, with a backtick or $(…); give its result instead');
    } else if (char === '\0') {
      throw refused(name, 'a NUL character');
    }
  }
  if (quote !== '') throw refused(name, `no closing ${quote}`);
}

function refused(name: string, reason: string): ProvisionerError {
  return new ProvisionerError('INVALID_ARGUMENT', `${name}: ${reason}`);
}
