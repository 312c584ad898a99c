import { describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { linuxProcessTable, parseStat, variableIn } from './linux-process-table.ts';
import { identifyProcess, isSameProcess, systemProcessTable } from './process-table.ts';
import { parsePs, parsePsWithEnvironment, psProcessTable } from './ps-process-table.ts';

describe('the process table of this machine', () => {
  it('knows this process and tells it from a later one with the same number', async () => {
    const entry = await identifyProcess(process.pid);
    expect(entry?.pid).toBe(process.pid);
    expect(await isSameProcess(entry!)).toBe(true);
    expect(await isSameProcess({ pid: process.pid, startTime: 'another' })).toBe(false);
    expect(await identifyProcess(2 ** 22 + 1)).toBeUndefined();
  });
  it('lists the members of a group', async () => {
    const table = systemProcessTable();
    const { pgid } = (await identifyProcess(process.pid))!;
    expect((await table.groupMembers(pgid)).map(({ pid }) => pid)).toContain(process.pid);
  });
});

describe('/proc', () => {
  const tail = '1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10';
  it('reads state, group and start, whatever the command is called', () => {
    expect(parseStat(`4243 (node) S ${tail}`)).toEqual({
      state: 'S',
      pgid: 4242,
      startTicks: '987654',
      isKernelThread: false,
    });
    expect(parseStat(`2 (kthreadd) S 0 0 0 0 -1 2129984 ${tail.slice(22)}`)).toMatchObject({ isKernelThread: true });
    fc.assert(
      fc.property(fc.string(), (command) => {
        expect(parseStat(`4243 (${command}) Z ${tail}`)).toMatchObject({
          state: 'Z',
          pgid: 4242,
          startTicks: '987654',
        });
      }),
    );
  });
  it('does not stumble over anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseStat(text);
      }),
    );
    expect(parseStat('')).toBeUndefined();
  });
  it('finds a variable by its whole name', () => {
    const environ = Buffer.from('XMARK=no\0MARK2=no\0A=MARK=no\0MARK=a=b\0Z=1\0');
    expect(variableIn(environ, 'MARK')).toBe('a=b');
    expect(variableIn(environ, 'XMARK')).toBe('no');
    expect(variableIn(environ, 'ARK')).toBeUndefined();
    expect(variableIn(Buffer.from('MARK=cut'), 'MARK')).toBe('cut');
    expect(variableIn(Buffer.alloc(0), 'MARK')).toBeUndefined();
  });
  it('looks again at a process that has no environment because it is starting a program', async () => {
    const root = await mkdtemp(join(tmpdir(), 'gp-proc-'));
    try {
      const put = (path: string, text: string) => writeFile(join(root, path), text);
      await mkdir(join(root, 'sys/kernel/random'), { recursive: true });
      await put('sys/kernel/random/boot_id', 'boot\n');
      for (const [pid, state] of Object.entries({ 4: 'R', 5: 'S', 6: 'Z' })) {
        await mkdir(join(root, pid));
        await put(`${pid}/stat`, `${pid} (sh) ${state} ${tail}`);
        await put(`${pid}/environ`, '');
      }
      let pauses = 0;
      const pause = async () => {
        pauses += 1;
        if (pauses === 3) await put('4/environ', 'MARK=started\0');
      };
      const found = await linuxProcessTable({ root, pause }).withVariable('MARK');
      expect(found).toEqual([{ pid: 4, pgid: 4242, startTime: 'boot/987654', value: 'started' }]);
      expect(pauses).toBe(3);
      await put('4/environ', '');
      expect(await linuxProcessTable({ root, pause }).withVariable('MARK')).toEqual([]);
    } finally {
      await rm(root, { recursive: true });
    }
  });
  it('finds every variable of any environment', () => {
    const name = fc.stringMatching(/^[A-Z]{1,4}$/);
    const value = fc.string().filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.dictionary(name, value), (env) => {
        const environ = Buffer.from(
          Object.entries(env)
            .map(([key, text]) => `${key}=${text}\0`)
            .join(''),
        );
        for (const [key, text] of Object.entries(env)) {
          expect(variableIn(environ, key)).toBe(Buffer.from(text).toString());
        }
      }),
    );
  });
});

describe('ps', () => {
  // As `ps -axo pid=,pgid=,stat=,lstart=` of macOS prints it.
  const output = [
    '    1     1 Ss   Fri Nov 21 08:00:01 2025    ',
    '  501   500 S+   Fri Nov 21 12:10:09 2025    ',
    '  502   500 Z    Fri Nov 21 12:10:10 2025    ',
    '99999 99999 R    Sat Nov  1 02:03:04 2025    ',
    'nonsense',
    '',
  ].join('\n');
  const runPs = (text: string) => psProcessTable({ runPs: () => Promise.resolve(text) });

  it('reads live processes', () => {
    expect(parsePs(output)).toEqual([
      { pid: 1, pgid: 1, startTime: 'Fri Nov 21 08:00:01 2025' },
      { pid: 501, pgid: 500, startTime: 'Fri Nov 21 12:10:09 2025' },
      { pid: 99999, pgid: 99999, startTime: 'Sat Nov 1 02:03:04 2025' },
    ]);
  });
  it('looks up pids and groups, zombies left out', async () => {
    expect([...(await runPs(output).lookup([501, 502, 7])).keys()]).toEqual([501]);
    expect((await runPs(output).groupMembers(500)).map(({ pid }) => pid)).toEqual([501]);
  });
  it('finds a variable behind the arguments', () => {
    const lines = [
      '501 501 S Fri Nov 21 12:10:09 2025 python -m ipykernel MARK=argument HOME=/Users/a MARK=the-value LANG=C',
      '502 502 S Fri Nov 21 12:10:09 2025 node XMARK=other',
    ].join('\n');
    expect(parsePsWithEnvironment(lines, 'MARK')).toEqual([
      { pid: 501, pgid: 501, startTime: 'Fri Nov 21 12:10:09 2025', value: 'the-value' },
    ]);
  });
  it('does not stumble over anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parsePs(text);
        parsePsWithEnvironment(text, 'MARK');
      }),
    );
  });
});
