import { LauncherError } from './launcher-error.ts';
import { parsePortRange } from './port-range.ts';
import type { PortRange } from './port-range.ts';
import { readTransportEncryption } from './transport-encryption.ts';

/** Where the gateway waits for the launcher's answer. */
export interface ResponseAddress {
  readonly host: string;
  readonly port: number;
}

/** How the kernel is interrupted: by SIGINT, or by a message that its client sends, so that SIGINT must not reach it. */
export type InterruptMode = 'signal' | 'message';

export interface LauncherOptions {
  readonly kernelId: string;
  /** Undefined where the gateway is answered over HTTP alone. */
  readonly responseAddress: ResponseAddress | undefined;
  /** Version 1's RSA key: base64 of its DER form. */
  readonly publicKey: string | undefined;
  readonly portRange: PortRange | undefined;
  readonly interruptMode: InterruptMode;
  /** The kernel's command; some word of it holds `{connection_file}`. */
  readonly command: readonly [string, ...string[]];
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const USAGE = `Usage: launch_kernel.mjs [options] -- command {connection_file} ...

Starts a Jupyter kernel, tells a gateway how to reach it, and takes the gateway's orders for it.

  --kernel-id ID              the kernel's id
  --response-address HOST:PORT  where the gateway waits
  --public-key KEY            the gateway's RSA key, base64 (not needed where GP_LAUNCHER_V2 is set)
  --port-range LOW..HIGH      ports that may be used (default 0..0, any)
  --interrupt-mode MODE       signal (default) or message: the kernel takes interrupt_request, and no SIGINT
  --transport-encryption MODE disabled or auto; required is refused

In the command {connection_file} and {kernel_id} are replaced. The options are also known by Enterprise Gateway's names,
--RemoteProcessProxy.kernel-id and so on.
Environment: KERNEL_ID, RESPONSE_ADDRESS, PUBLIC_KEY and PORT_RANGE where options are missing; GP_LAUNCHER_V2;
GP_MIN_PORT_RANGE_SIZE (1000), GP_LAUNCHER_RETRY_SECONDS (120), GP_LAUNCHER_LINGER_SECONDS (30).
`;

const NAMES = [
  'kernel-id',
  'response-address',
  'public-key',
  'port-range',
  'interrupt-mode',
  'transport-encryption',
  'spark-context-initialization-mode',
] as const;

type Name = (typeof NAMES)[number];

/** Errors: {@link LauncherError} for the first thing that is wrong. */
export function parseOptions(argv: readonly string[], env: Environment): LauncherOptions {
  const { values, command } = split(argv);
  const spark = values.get('spark-context-initialization-mode') ?? 'none';
  if (spark !== 'none' && spark !== '') {
    throw new LauncherError(`--spark-context-initialization-mode is '${spark}': this launcher has no Spark, use none`);
  }
  readTransportEncryption(values.get('transport-encryption'));
  const given = (name: Name, variable: string): string | undefined => {
    return [values.get(name), env[variable]].find((text) => text !== undefined && text !== '');
  };
  const address = given('response-address', 'RESPONSE_ADDRESS');
  return {
    kernelId: parseKernelId(given('kernel-id', 'KERNEL_ID')),
    responseAddress: address === undefined ? undefined : parseResponseAddress(address),
    publicKey: given('public-key', 'PUBLIC_KEY'),
    portRange: parsePortRange(given('port-range', 'PORT_RANGE') ?? '', env),
    interruptMode: parseInterruptMode(values.get('interrupt-mode')),
    command: parseCommand(command),
  };
}

/** The command begins after `--`, or with the first word that is no option. */
function split(argv: readonly string[]): { values: ReadonlyMap<Name, string>; command: readonly string[] } {
  const given = new Map<Name, string>();
  const aliases = new Map<Name, string>();
  let at = 0;
  for (; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') return { values: new Map([...aliases, ...given]), command: argv.slice(at + 1) };
    const [, prefix, text, inline] = /^--(RemoteProcessProxy\.)?([^=]+)(?:=([^]*))?$/.exec(word) ?? [];
    if (text === undefined) break;
    const name = NAMES.find((known) => known === text);
    if (name === undefined) throw new LauncherError(`unknown option --${text}; --help lists the options`);
    const value = inline ?? argv[(at += 1)];
    if (value === undefined) throw new LauncherError(`--${text} needs a value`);
    (prefix === undefined ? given : aliases).set(name, value);
  }
  return { values: new Map([...aliases, ...given]), command: argv.slice(at) };
}

function parseKernelId(text: string | undefined): string {
  if (text === undefined) throw new LauncherError('--kernel-id is missing: the id that the gateway gave the kernel');
  if (/^[A-Za-z0-9._-]{1,128}$/.test(text)) return text;
  throw new LauncherError('--kernel-id must be 1 to 128 letters, digits, dots, underscores or hyphens');
}

function parseResponseAddress(text: string): ResponseAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new LauncherError(`--response-address '${text}' is not host:port, as 10.0.0.1:8877 or [fd00::7]:8877`);
}

function parseInterruptMode(text = 'signal'): InterruptMode {
  if (text === 'signal' || text === 'message') return text;
  throw new LauncherError(`--interrupt-mode is '${text}'; it must be signal or message`);
}

function parseCommand(words: readonly string[]): readonly [string, ...string[]] {
  const [program, ...rest] = words;
  if (program === undefined || program === '') {
    throw new LauncherError(
      'there is no command; give it after --, as in -- python -m ipykernel_launcher -f {connection_file}',
    );
  }
  if (!words.some((word) => word.includes('{connection_file}'))) {
    throw new LauncherError('no word of the command holds {connection_file}, so the kernel would not get its ports');
  }
  return [program, ...rest];
}
