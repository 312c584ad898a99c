import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate authority of the `openssl` program. */
export class TestAuthority {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes `ca.pem` in the folder. */
  static async create(folder: string): Promise<TestAuthority> {
    await mkdir(folder, { recursive: true });
    await openssl(['-keyout', join(folder, 'ca-key.pem'), '-out', join(folder, 'ca.pem'), '-subj', '/CN=gp-test-ca']);
    return new TestAuthority(folder);
  }

  get ca(): string {
    return join(this.#folder, 'ca.pem');
  }

  /** A key and a certificate for it, for the server of an address or for a client. */
  async issue(options: { readonly key: string; readonly cert: string; readonly serverIp?: string }): Promise<void> {
    const { key, cert, serverIp } = options;
    const uses =
      serverIp === undefined
        ? ['-addext', 'extendedKeyUsage=clientAuth']
        : ['-addext', 'extendedKeyUsage=serverAuth', '-addext', `subjectAltName=IP:${serverIp}`];
    const signer = ['-CA', this.ca, '-CAkey', join(this.#folder, 'ca-key.pem'), '-addext', 'basicConstraints=CA:FALSE'];
    await openssl(['-keyout', key, '-out', cert, '-subj', '/CN=gp-test', ...signer, ...uses]);
  }
}

async function openssl(argv: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', ['req', '-x509', '-days', '2', ...key, ...argv]);
}
