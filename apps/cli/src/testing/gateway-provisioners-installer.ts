import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SpecBackend } from '@gateway-provisioners/installer';

/** One call of an installer. */
export interface InstallCase {
  readonly program: SpecBackend;
  /** Behind `install`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly prefix: string;
}

/** What an installer left behind. */
export interface Installed {
  readonly exit_code: number;
  readonly output: string;
  /** By folder name. */
  readonly specs: Readonly<Record<string, { readonly kernel_json: unknown; readonly files: readonly string[] }>>;
}

const workspace = new URL('../../../../', import.meta.url);

/** The Python that has the package gateway_provisioners; made when it is missing. */
export async function gatewayProvisionersPython(): Promise<string> {
  const given = process.env['GP_TEST_GATEWAY_PROVISIONERS_PYTHON'];
  if (given !== undefined && given !== '') return given;
  const script = fileURLToPath(new URL('tools/testbeds/gateway-provisioners-python.sh', workspace));
  return (await promisify(execFile)(script, ['path'])).stdout.trim();
}

/** Runs the package's own installers. */
export async function installWithGatewayProvisioners(
  python: string,
  cases: readonly InstallCase[],
  options: { readonly env: Readonly<Record<string, string>> },
): Promise<readonly Installed[]> {
  const script = fileURLToPath(new URL('install_with_gateway_provisioners.py', import.meta.url));
  return await new Promise((resolve, reject) => {
    const child = execFile(python, [script], { env: options.env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as readonly Installed[]);
      else reject(new Error(`the installers of gateway_provisioners could not be run: ${stderr}`, { cause: error }));
    });
    child.stdin?.end(JSON.stringify(cases));
  });
}
