import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A kernel in a container with nothing in between: `docker run` of the image that the gateway is given. */
export interface RawContainer extends AsyncDisposable {
  readonly connectionFile: string;
}

export interface RawContainerOptions {
  readonly image: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

const KEY = 'benchmark-key';
/** As the gateway makes them: no capabilities, an init, no new privileges. */
const RESTRICTIONS = ['--init', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', '4096'];

export async function startRawContainer({ image, folder, env }: RawContainerOptions): Promise<RawContainer> {
  const name = `gp-benchmark-${randomUUID()}`;
  const ports = { shell: 5001, iopub: 5002, stdin: 5003, control: 5004, hb: 5005 };
  const kernel = [
    ...['python3', '-m', 'ipykernel_launcher', '--IPKernelApp.ip=0.0.0.0', `--Session.key=${KEY}`],
    ...Object.entries(ports).map(([channel, port]) => `--IPKernelApp.${channel}_port=${String(port)}`),
  ];
  const remove = async (): Promise<void> => {
    await run('docker', ['rm', '--force', '--volumes', name], { env });
  };
  try {
    await run('docker', ['run', '--detach', '--name', name, ...RESTRICTIONS, image, ...kernel], { env });
    const { stdout } = await run('docker', ['inspect', '--format', '{{.NetworkSettings.IPAddress}}', name], { env });
    const connectionFile = join(folder, `${name}.json`);
    const info = Object.fromEntries(Object.entries(ports).map(([channel, port]) => [`${channel}_port`, port]));
    await writeFile(connectionFile, JSON.stringify({ ...info, key: KEY, ip: stdout.trim() }));
    return { connectionFile, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
