import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PRINT_WORDS, execute, runShellFolder } from '../testing/run-sh.ts';
import type { RunScript } from './run-script.ts';
import { optionText } from '../variants/option-text.ts';

const script: RunScript = {
  title: 'a test',
  required: [],
  preparation: [],
  command: [
    { kind: 'word', text: '${home}/print' },
    { kind: 'options', variable: 'TEXT' },
  ],
};

async function wordsOf(text: string, env: NodeJS.ProcessEnv = {}) {
  await using folder = await runShellFolder();
  await folder.write('print', PRINT_WORDS);
  const result = await folder.run(script, { env: { ...env, TEXT: text } });
  return { ...result, words: result.words.slice(1) };
}

describe('options in run.sh', () => {
  it.each<[string, NodeJS.ProcessEnv, string[]]>([
    ['  a  b\tc\nd ', {}, ['a', 'b', 'c', 'd']],
    ['', {}, []],
    [`--conf "a=b c" 'd "e' f\\ g ""`, {}, ['--conf', 'a=b c', 'd "e', 'f g', '']],
    ['--name ${USER_ID:-none}', {}, ['--name', 'none']],
    ['--name ${USER_ID:-none}-$X.', { USER_ID: 'u', X: 'y' }, ['--name', 'u-y.']],
    ['$NOTHING x', {}, ['x']],
    ['$ $% a$', {}, ['$', '$%', 'a$']],
    ["'$X' \\$X", { X: 'y' }, ['$X', '$X']],
    ['* ? [a-z] ~ # ; & | > <', {}, ['*', '?', '[a-z]', '~', '#', ';', '&', '|', '>', '<']],
    ['$MORE_OPTS z', { MORE_OPTS: '--a "b c" $X', X: '1 2' }, ['--a', 'b c', '1 2', 'z']],
    ['"$MORE_OPTS"', { MORE_OPTS: '--a b' }, ['--a b']],
  ])('reads %j', async (text, env, expected) => {
    const { words, exitCode } = await wordsOf(text, env);
    expect({ words, exitCode }).toEqual({ words: expected, exitCode: 0 });
  });

  it('takes a value as one piece, whatever is in it', async () => {
    const hostile = `x --conf spark.evil=1; touch /tmp/evil $(touch /tmp/evil) \`id\` "q' * \\`;
    expect((await wordsOf('--name $WHO', { WHO: hostile })).words).toEqual(['--name', hostile]);
  });

  it.each(
    [
      ['$(touch here)', 'asks for a command'],
      ['"$(touch here)"', 'asks for a command'],
      ['`touch here`', 'asks for a command'],
      ['"open', 'no closing "'],
      ["it's", "no closing '"],
      ['end\\', 'ends with a backslash'],
      ['${A:?b}', 'only ${NAME} and ${NAME:-text} are understood'],
      ['${A$B}', 'only ${NAME}'],
      ['$TEXT', 'refers to itself'],
    ].map(([text = '', reason = '']) => [text === '$TEXT' ? '$SELF_OPTS' : text, reason]),
  )('refuses %j', async (text, reason) => {
    const { exitCode, words, stderr } = await wordsOf(text, { SELF_OPTS: '$SELF_OPTS' });
    expect({ exitCode, words }).toEqual({ exitCode: 1, words: [] });
    expect(stderr).toContain('run.sh: TEXT ');
    expect(stderr).toContain(reason);
  });

  it('reads quotes, backslashes and blanks as the shell itself does', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ' ',
        '\\ ',
        '\\"',
        "\\'",
        '\\\\',
        '\\$',
        'a',
        'b=c',
        '$X',
        '"$X"',
        "'$X'",
        '${Y:-z}',
        '"',
        "'",
        'é',
        '\\a',
      ),
      fc.stringMatching(/^"[a-z \\'.:/=-]*"$/).map((text) => text.replaceAll('\\', String.raw`\\`)),
      fc.stringMatching(/^'[a-z "=.-]*'$/),
    );
    const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    await using folder = await runShellFolder();
    await folder.write('print', PRINT_WORDS);
    const env = { X: 'one', PATH: '' };
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const shell = await execute('/bin/sh', ['-fc', `eval "set -- $TEXT"; [ $# = 0 ] || printf '%s\\0' "$@"`], {
          ...env,
          TEXT: text,
        });
        const ours = await folder.run(script, { env: { ...env, TEXT: text } });
        if (shell.exitCode !== 0) expect(ours.exitCode).toBe(1);
        else if (text.endsWith('\\') && ours.exitCode === 1) expect(ours.stderr).toContain('backslash');
        else expect(ours.words.slice(1)).toEqual(shell.words);
      }),
      { numRuns: 150 },
    );
  }, 180_000);

  it('gets back what the installer wrote', async () => {
    await using folder = await runShellFolder();
    await folder.write('print', PRINT_WORDS);
    const words = fc.array(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((word) => !/[\0$]/.test(word)),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(words, async (expected) => {
        const text = optionText(expected.map((word) => [word] as const));
        const { words: got } = await folder.run(script, { env: { TEXT: text } });
        expect(got.slice(1)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  }, 180_000);
});
