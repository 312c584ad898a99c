#!/usr/bin/env node
/**
 * `npm run check`: everything about the sources and packages that needs no kernel.
 * Each step prints its own output; the last line is `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);

const packages = ['packages', 'apps']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
  .filter(({ manifest }) => manifest.private !== true);

const run = (command, args, cwd = root) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error ? String(error) : ''}` };
};

/** Imports what each `exports` entry promises, in a process of its own, as a user's program would. */
const importEntries = ({ folder, manifest }) => {
  const entries = Object.values(manifest.exports)
    .map((entry) => (typeof entry === 'string' ? undefined : entry.default))
    .filter((file) => file !== undefined)
    .map((file) => pathToFileURL(join(folder, file)).href);
  return run(process.execPath, [
    '--input-type=module',
    '-e',
    entries.map((href) => `await import(${JSON.stringify(href)});`).join('\n'),
  ]);
};

const attw = ({ folder }) => run(bin('attw'), ['--pack', folder, '--profile', 'esm-only', '--no-color']);

/**
 * One process a group: the types of all of them together are more than a process may hold. The rule of module boundaries
 * passes over everything while there is no project graph, so that is made first, and a warning fails the step.
 */
const eslint = (name, args) => [
  `eslint ${name}`,
  () => run(process.execPath, ['--max-old-space-size=6144', bin('eslint'), ...args, '--max-warnings', '0']),
];

const steps = [
  ['build', () => run(bin('tsc'), ['-b', 'tsconfig.build.json'])],
  ['typecheck', () => run(bin('tsc'), ['-b', 'tsconfig.json'])],
  ['project graph', () => run(bin('nx'), ['show', 'projects'])],
  eslint('packages', ['packages']),
  eslint('elsewhere', ['.', '--ignore-pattern', 'packages/**']),
  ['prettier', () => run(bin('prettier'), ['--check', '.', '--log-level', 'warn'])],
  ['knip', () => run(bin('knip'), ['--no-progress'])],
  ...packages.map((pkg) => [
    `publint ${pkg.manifest.name}`,
    () => run(bin('publint'), ['run', '--strict', pkg.folder]),
  ]),
  ...packages.map((pkg) => [`attw ${pkg.manifest.name}`, () => attw(pkg)]),
  ...packages.map((pkg) => [`import ${pkg.manifest.name} on Node ${process.versions.node}`, () => importEntries(pkg)]),
];

const only = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const [name, step] of steps) {
  if (only.length > 0 && !only.some((word) => name.includes(word))) continue;
  const { ok, output } = step();
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (!ok) console.log(output.trimEnd().replace(/^/gm, '    '));
  if (ok) passed += 1;
  else failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
