import type { SFTPWrapper } from 'ssh2';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { SftpSession } from './ssh-connection.ts';

const NO_SUCH_FILE = 2;

/** File transfer over a channel of a connection of the library. */
export class Ssh2SftpSession implements SftpSession {
  readonly #session: SFTPWrapper;

  constructor(session: SFTPWrapper) {
    this.#session = session;
  }

  async exists(path: string): Promise<boolean> {
    return await new Promise((resolve, reject) => {
      this.#session.stat(path, (error) => {
        if (!isFailure(error)) resolve(true);
        else if (codeOf(error) === NO_SUCH_FILE) resolve(false);
        else reject(fileError(error, path));
      });
    });
  }

  async makeFolder(path: string): Promise<void> {
    const made = new Promise<void>((resolve, reject) => {
      this.#session.mkdir(path, { mode: 0o755 }, settle(path, resolve, reject));
    });
    try {
      await made;
    } catch (error) {
      if (!(await this.exists(path))) throw error;
    }
  }

  async put(path: string, content: Uint8Array, mode: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#session.writeFile(path, Buffer.from(content), { mode, flag: 'wx' }, settle(path, resolve, reject));
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#session.rename(from, to, settle(to, resolve, reject));
    });
  }

  [Symbol.dispose](): void {
    this.#session.end();
  }
}

function settle(
  path: string,
  resolve: () => void,
  reject: (error: Error) => void,
): (error: Error | null | undefined) => void {
  return (error) => {
    if (isFailure(error)) reject(fileError(error, path));
    else resolve();
  };
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}

function fileError(error: Error, path: string): ProvisionerError {
  const advice = 'check that the folder is writable for the user and has room';
  return new ProvisionerError('HOST_COMMAND_FAILED', `cannot write ${path} on the host: ${error.message}; ${advice}`, {
    cause: error,
  });
}

function isFailure(error: Error | null | undefined): error is Error {
  return error !== undefined && error !== null;
}
