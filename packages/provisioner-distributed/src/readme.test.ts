import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const here = fileURLToPath(new URL('.', import.meta.url));

test('the example of the README runs, and ends its kernel', async () => {
  const readme = await readFile(join(here, '..', 'README.md'), 'utf8');
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  // Within the package, so that its imports are found.
  const folder = await mkdtemp(join(here, '..', 'readme-'));
  try {
    const program = join(folder, 'example.ts');
    await writeFile(program, `${code}\nexport const seen = { shellPort, reason };\n`);
    const example = (await import(program)) as { seen: { shellPort: number; reason: string } };
    expect(example.seen).toMatchObject({ shellPort: expect.any(Number), reason: 'killed' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
