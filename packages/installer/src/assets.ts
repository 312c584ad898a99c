import { readFile } from 'node:fs/promises';
import type { RenderedKernelSpec } from './types.ts';
import { runScriptText } from './run-script/run-script.ts';

/** Files of a kernelspec's folder by their path in it, `kernel.json` not among them. */
export type SpecFiles = Readonly<Record<string, { readonly data: Buffer | string; readonly executable?: boolean }>>;

/** Logo, `kernel.js` and `bin/run.sh`: all that this package itself brings. */
export async function ownFiles(rendered: RenderedKernelSpec): Promise<SpecFiles> {
  const language = rendered.language.toLowerCase();
  const files: Record<string, { readonly data: Buffer | string; readonly executable?: boolean }> = {
    'logo-64x64.png': { data: await asset(`${language}/logo-64x64.png`) },
  };
  if (rendered.language === 'R') files['kernel.js'] = { data: await asset('r/kernel.js') };
  if (rendered.runScript !== undefined) {
    const functions = (await asset('run-functions.sh')).toString('utf8');
    files['bin/run.sh'] = { data: runScriptText(rendered.runScript, functions), executable: true };
  }
  return files;
}

async function asset(name: string): Promise<Buffer> {
  return await readFile(new URL(`../assets/${name}`, import.meta.url));
}
