import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { settingsPage } from './describe-settings.ts';

test('the reference page says what the settings are', async () => {
  const path = new URL('../../../docs/reference/ssh-settings.md', import.meta.url);
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, settingsPage());
  expect(await readFile(path, 'utf8')).toBe(settingsPage());
});
