import { readFile } from 'node:fs/promises';

interface ReadmeExample {
  readonly text: string;
  /** Runs it once. `load` answers its imports, so that it runs from sources; the rest are the globals that it sees. */
  readonly run: (given: RunGiven) => Promise<void>;
}

interface RunGiven {
  readonly load: (name: string) => unknown;
  readonly [global: string]: unknown;
}

interface ReadmeExampleOptions {
  /** Changes the program once its imports are calls of `load`: for syntax that the running Node lacks. */
  readonly rewrite?: (body: string) => string;
}

/**
 * The first example in TypeScript of a README, as a program that can be run: it must be valid JavaScript, and
 * `export` nothing. Errors: an `Error` when there is none.
 */
export async function readmeExample(readme: URL, options: ReadmeExampleOptions = {}): Promise<ReadmeExample> {
  const text = /```ts\n([\s\S]*?)```/.exec(await readFile(readme, 'utf8'))?.[1];
  if (text === undefined) throw new Error(`no example in TypeScript in ${readme.href}`);
  const body = text
    .replace(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = await load($2);')
    .replace(/^import (\w+) from ('.*');$/gm, 'const { default: $1 } = await load($2);');
  return {
    text,
    run: async (given) => {
      await compile(Object.keys(given), options.rewrite?.(body) ?? body)(...Object.values(given));
    },
  };
}

function compile(names: readonly string[], body: string): (...values: readonly unknown[]) => Promise<void> {
  const {
    constructor: asyncFunction,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(asyncFunction, [...names, body]) as ReturnType<typeof compile>;
}
