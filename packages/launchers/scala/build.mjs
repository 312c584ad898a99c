/**
 * Builds lib/toree-launcher_<version>.jar from src with nothing but a JDK:
 *
 *   node packages/launchers/scala/build.mjs [--check] [FILE]
 *
 * The jar is in the repository, so that nobody needs a JDK to install it. The same sources give the same bytes with the
 * same major version of the JDK, 17: --check says whether what lies there is what would be built. JAVA_HOME, else the
 * PATH, gives javac and jar.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } });
const { version } = JSON.parse(readFileSync(join(here, '../package.json'), 'utf8'));
const jar = positionals[0] ?? join(here, `lib/toree-launcher_${version}.jar`);

const sources = join(here, 'src/launcher');
const constant = /VERSION = "(.*)"/.exec(readFileSync(join(sources, 'ToreeLauncher.java'), 'utf8'))?.[1];
if (constant !== version) throw new Error(`ToreeLauncher.VERSION is ${constant}, package.json has ${version}`);

const scratch = mkdtempSync(join(tmpdir(), 'toree-launcher-'));
try {
  const built = join(scratch, 'built.jar');
  build(built);
  if (values.check) check(built);
  else {
    mkdirSync(dirname(jar), { recursive: true });
    writeFileSync(jar, readFileSync(built));
    console.log(jar);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function build(file) {
  const classes = join(scratch, 'classes');
  const java = readdirSync(sources)
    .sort()
    .map((name) => join(sources, name));
  // Java 8 is the oldest that a Spark of today may run on.
  tool('javac', '--release', '8', '-Xlint:all,-options', '-Werror', '-g:source,lines', '-d', classes, ...java);
  const manifest = join(scratch, 'manifest');
  writeFileSync(manifest, `Created-By: Gateway Provisioners\nImplementation-Version: ${version}\n`);
  // Not compressed, since releases of zlib differ in their results.
  const fixed = ['--no-compress', '--date=2020-01-01T00:00:00Z', '--manifest', manifest];
  const entries = readdirSync(join(classes, 'launcher'))
    .sort()
    .flatMap((name) => ['-C', classes, `launcher/${name}`]);
  tool('jar', '--create', '--file', file, ...fixed, ...entries);
}

function check(built) {
  if (readFileSync(built).equals(readFileSync(jar))) return;
  console.error(
    `${jar} is not what its sources give: run node packages/launchers/scala/build.mjs and commit the result`,
  );
  process.exitCode = 1;
}

function tool(name, ...args) {
  const home = process.env.JAVA_HOME;
  execFileSync(home ? join(home, 'bin', name) : name, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}
