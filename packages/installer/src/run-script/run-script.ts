/** One part of the command that a `bin/run.sh` becomes. */
export type CommandPart =
  /** One word: text between double quotes of a shell script, from this package alone. */
  | { readonly kind: 'word'; readonly text: string }
  /** The words of a text of options in a variable. */
  | { readonly kind: 'options'; readonly variable: string }
  /** What makes the program run as `KERNEL_USERNAME`, where that is enabled. */
  | { readonly kind: 'impersonation'; readonly words: readonly string[] }
  /** Words that are left out when the file is not there. */
  | { readonly kind: 'if-file'; readonly file: string; readonly words: readonly string[] };

export interface RunScript {
  /** What it starts, for the comment and the log. */
  readonly title: string;
  /** Variables that must be set. */
  readonly required: readonly string[];
  /** Lines that come before the command. */
  readonly preparation: readonly string[];
  readonly command: readonly CommandPart[];
}

/** Variables with values of whoever asks for the kernel, which options refer to. */
const PLAIN_WORDS = [
  'KERNEL_ID',
  'KERNEL_USERNAME',
  'KERNEL_NAMESPACE',
  'KERNEL_SERVICE_ACCOUNT_NAME',
  'KERNEL_IMAGE',
  'KERNEL_EXECUTOR_IMAGE',
];

/**
 * The text of a `bin/run.sh`. It holds no value of anybody's: all of them arrive in variables when it runs. `functions`
 * is the text of `run-functions.sh`.
 */
export function runScriptText(script: RunScript, functions: string): string {
  return [
    '#!/bin/sh',
    `# Starts ${script.title}; its process becomes that program.`,
    functions.trimEnd(),
    '',
    ...(script.required.length === 0 ? [] : [`require ${script.required.join(' ')}`]),
    `require_plain ${PLAIN_WORDS.join(' ')}`,
    'home=$(CDPATH= cd -- "${0%/*}/.." && pwd -P) || fail "the folder of $0 cannot be found"',
    ...script.preparation,
    '',
    "# The program and its options come behind the script's own arguments, which then move to the end.",
    'arguments=$#',
    ...script.command.flatMap(partLines),
    'while [ "$arguments" -gt 0 ]; do',
    '  first=$1',
    '  shift',
    '  set -- "$@" "$first"',
    '  arguments=$((arguments - 1))',
    'done',
    `printf 'run.sh: starting %s for %s\\n' ${quote(script.title)} "\${KERNEL_USERNAME:-nobody in particular}" >&2`,
    'exec "$@"',
    '',
  ].join('\n');
}

function partLines(part: CommandPart): readonly string[] {
  switch (part.kind) {
    case 'word':
      return [`set -- "$@" ${double(part.text)}`];
    case 'options':
      return [`read_options ${part.variable}`, 'while next_word; do', '  set -- "$@" "$word"', 'done'];
    case 'impersonation':
      return [
        'case ${GP_IMPERSONATION_ENABLED-} in',
        '  [Tt]rue | 1)',
        '    require KERNEL_USERNAME',
        `    set -- "$@" ${part.words.map(double).join(' ')}`,
        '    ;;',
        'esac',
      ];
    case 'if-file':
      return [`[ ! -f ${double(part.file)} ] || set -- "$@" ${part.words.map(double).join(' ')}`];
  }
}

function double(text: string): string {
  return `"${text}"`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
