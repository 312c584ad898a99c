import { describe, expect, test } from '@jest/globals';
import { parseKernelReport } from '../hosts/kernel-report.ts';
import { quote } from './quote.ts';
import { frameProgram, runProgram } from './run-program.ts';

const program = { body: 'gp_main() ( : )\n', variables: { gp_a: "it's" } };

/** A host whose shell prints this; MARK stands for the mark of the program. */
const printing = (stdout: string, { stderr = '', exitCode = 0 } = {}) => ({
  name: 'node1',
  exec: async ({ stdin }: { readonly stdin: Uint8Array }) => {
    const [, mark = ''] = /'\\n%s-begin\\n' (\S+)/.exec(Buffer.from(stdin).toString()) ?? [];
    const text = stdout.replaceAll('MARK', mark);
    return await Promise.resolve({ stdout: Buffer.from(text), stderr: Buffer.from(stderr), exitCode });
  },
});

describe('what a program on a host prints', () => {
  test.each([
    ['its output', '\nMARK-begin\nout\nput\nMARK-end 0\n', 'out\nput'],
    ['nothing', '\nMARK-begin\n\nMARK-end 0\n', ''],
    ['nothing, with one line feed for both marks', '\nMARK-begin\nMARK-end 0\n', ''],
    ['after what a profile printed', 'welcome\n\nMARK-begin\nyes\nMARK-end 0\n', 'yes'],
    ['a mark of its own', '\nMARK-begin\nMARK-end 1\nyes\nMARK-end 0\n', 'MARK-end 1\nyes'],
  ])('%s', async (_what, stdout, expected) => {
    const output = (await runProgram(printing(stdout), program, {})).toString();
    expect(output.replace(/gp-[0-9a-f]{32}/g, 'MARK')).toBe(expected);
  });

  test.each([
    ['another status', '\nMARK-begin\nno room\nMARK-end 3\n', {}, /\(status 3\): no room/],
    ['no end', '\nMARK-begin\nhalf', { exitCode: 9 }, /its shell ended with status 9\): .*half/s],
    ['no beginning', 'sh: not found', { stderr: 'sorry', exitCode: 127 }, /status 127\): sh: not found\nsorry/],
    ['the end before the beginning', '\nMARK-end 0\n\nMARK-begin\n', {}, /shell ended with status 0/],
    ['nothing at all', '', { exitCode: 255 }, /status 255\): no output/],
  ])('with %s is an error that says so', async (...[, stdout, how, message]) => {
    const running = runProgram(printing(stdout, how), program, {});
    await expect(running).rejects.toMatchObject({ code: 'HOST_COMMAND_FAILED', coordinates: { host: 'node1' } });
    await expect(running).rejects.toThrow(message);
  });

  test('variables are quoted; what no shell can hold is refused', () => {
    expect(frameProgram(program, 'm')).toContain("gp_a='it'\\''s'\n");
    expect(() => quote('a\0b')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('what a host says of a kernel', () => {
  test.each([
    ['alive\nlog', { is: 'alive', log: 'log' }],
    ['alive', { is: 'alive', log: '' }],
    ['gone\n', { is: 'gone', log: '' }],
    ['', { is: 'gone', log: '' }],
    ['exit 137\nkilled', { is: 'exited', status: 137, log: 'killed' }],
    ['exit \nx', { is: 'gone', log: 'x' }],
    ['exit 1e9\n', { is: 'gone', log: '' }],
    [`exit ${'9'.repeat(400)}\n`, { is: 'gone', log: '' }],
  ])('%j', (text, report) => {
    expect(parseKernelReport(Buffer.from(text), 100)).toEqual(report);
  });

  test('of a log that was cut, whole characters are left', () => {
    const bytes = Buffer.from('alive\néé€');
    expect(parseKernelReport(bytes, 6).log).toBe('é€');
    for (const maxBytes of [3, 4]) expect(parseKernelReport(bytes, maxBytes).log).toBe('€');
    expect(parseKernelReport(bytes.subarray(0, -1), 100).log).toBe('éé');
    expect(parseKernelReport(Buffer.from([0x61, 0x0a, 0x80, 0x80, 0x80, 0x80]), 4).log).toBe('\ufffd');
  });
});
