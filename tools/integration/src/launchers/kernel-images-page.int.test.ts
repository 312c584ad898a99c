import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findDenoBinary } from '@gateway-provisioners/kernelspec';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { testPython, testR, workspaceFolder } from '../support/test-environment.ts';
import { LauncherBench } from './launcher-bench.ts';

const run = promisify(execFile);
const page = await readFile(join(workspaceFolder, 'docs/guides/kernel-images.md'), 'utf8');

/** The page's code blocks of one kind, in order. Those marked `bash` need Docker. */
function blocks(kind: 'sh' | 'text' | 'dockerfile'): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text);
}

let scratch: ScratchFolder;
let programs = '';
let env: Record<string, string> = {};

/** A folder on the PATH with the programs that the page names. */
beforeAll(async () => {
  scratch = await createScratchFolder();
  programs = await scratch.folder('programs');
  const built = join(workspaceFolder, 'apps/cli/dist/bin/jupyter-image-bootstrap.js');
  if (!existsSync(built)) throw new Error(`${built} does not exist: run npm run build first`);
  const command = join(programs, 'jupyter-image-bootstrap');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${built}' "$@"\n`);
  await chmod(command, 0o755);
  const deno = await findDenoBinary({ resolveFrom: join(workspaceFolder, 'apps/cli/package.json') });
  if ('problem' in deno) throw new Error(deno.problem);
  await symlink(deno.path, join(programs, 'deno'));
  await symlink(testR(), join(programs, 'Rscript'));
  await symlink(process.execPath, join(programs, 'node'));
  env = await scratch.environment({ python: testPython() });
  env['PATH'] = [programs, dirname(testPython()), '/usr/bin', '/bin'].join(':');
  await scratch.folder('page');
});

afterAll(async () => {
  await scratch[Symbol.asyncDispose]();
});

test('the commands do, in this order, what the page says', async () => {
  const cwd = join(scratch.path, 'page');
  const [prepare = '', byHand = ''] = blocks('sh');
  await run('/bin/sh', ['-e', '-c', prepare], { cwd, env });
  const { stdout, stderr } = await run('/bin/sh', ['-e', '-c', byHand], { cwd, env });
  expect(stderr + stdout).toBe(blocks('text')[0]);
  expect(blocks('sh')).toHaveLength(2);
});

interface Image {
  readonly env: Record<string, string>;
  readonly command: readonly [string, ...string[]];
}

/** COPY, ENV and CMD of a Dockerfile, carried out in a folder that stands for the image's root. */
async function build(dockerfile: string, root: string): Promise<Image> {
  const variables: Record<string, string> = {};
  let command: readonly [string, ...string[]] | undefined;
  for (const [, instruction, rest = ''] of dockerfile.matchAll(/^([A-Z]+) (.*)$/gm)) {
    if (instruction === 'COPY') {
      const [from = '', to = ''] = rest.split(' ');
      await mkdir(join(root, to), { recursive: true });
      await cp(join(scratch.path, 'page', from), join(root, to), { recursive: true });
    }
    if (instruction === 'ENV') {
      for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) variables[name] = value;
    }
    if (instruction === 'CMD') {
      const [program = '', ...args] = JSON.parse(rest) as string[];
      command = [join(root, program), ...args];
    }
  }
  if (command === undefined) throw new Error('the Dockerfile has no CMD');
  return { env: variables, command };
}

// Into a file: what Deno's kernel prints may come after it said that it is idle.
const code: Readonly<Record<string, string>> = {
  python: 'with open("answer", "w") as file: file.write(str(6 * 7))',
  r: 'cat(6 * 7, file = "answer")',
  typescript: 'Deno.writeTextFileSync("answer", String(6 * 7))',
  node: 'with open("answer", "w") as file: file.write(str(6 * 7))',
};

test.each(blocks('dockerfile').map((text) => [/KERNEL_LANGUAGE=(\w+)/.exec(text)?.[1] ?? '', text] as const))(
  'the image for %s starts its kernel, which computes, and ends with it',
  async (language, dockerfile) => {
    await using bench = await LauncherBench.start();
    const image = await build(dockerfile, join(scratch.path, `root-${language}`));
    const launched = await bench.launch({
      argv: () => image.command,
      // As a container engine starts it: everything comes through the environment.
      variables: ({ kernelId, responseAddress, publicKey, portRange }) => ({
        KERNEL_ID: kernelId,
        RESPONSE_ADDRESS: responseAddress,
        PUBLIC_KEY: publicKey,
        PORT_RANGE: portRange,
      }),
      env: { ...image.env, PATH: env['PATH'] ?? '' },
    });
    const answer = await launched.answer();
    expect(answer.version).toBe(2);
    const client = await launched.connect(answer);
    expect((await client.execute(code[language] ?? '')).content).toMatchObject({ status: 'ok' });
    expect(await readFile(join(await bench.scratch.folder('work'), 'answer'), 'utf8')).toBe('42');
    await answer.comm?.shutdown();
    expect((await launched.end()).signal).toBeNull();
    await launched.nothingLeft();
  },
);

test('the page has an image for each language', () => {
  const languages = blocks('dockerfile').map((text) => /KERNEL_LANGUAGE=(\w+)/.exec(text)?.[1]);
  expect(languages).toEqual(Object.keys(code));
});
