import { randomBytes, randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ProvisionerError } from '@gateway-provisioners/core';
import { runProgram } from '../shell/run-program.ts';
import { sudoProgram } from '../shell/sudo-program.ts';
import { unpackProgram } from '../shell/unpack-program.ts';
import type { SshAddress, SshExecOptions, SshExecResult } from '../ssh/ssh-connection.ts';
import type { Bundle, HostCall, KernelHost, ResponseWay } from './kernel-host.ts';

/** Another user's account on a host: programs get there through `sudo -n -H -u`, on its standard input. */
export class SudoHost implements KernelHost {
  readonly login: KernelHost;
  readonly user: string;
  readonly id: string;

  /** `user` was checked with `kernelUser`. */
  constructor(login: KernelHost, user: string) {
    this.login = login;
    this.user = user;
    this.id = `${login.id} as ${user}`;
  }

  get machine(): string {
    return this.login.machine;
  }

  get name(): string {
    return this.login.name;
  }

  get address(): string {
    return this.login.address;
  }

  get isTunnelled(): boolean {
    return this.login.isTunnelled;
  }

  get isLocal(): boolean {
    return this.login.isLocal;
  }

  get avoidUntil(): number | undefined {
    return this.login.avoidUntil;
  }

  /** Errors: `IMPERSONATION_REFUSED` when there is no such user, or sudo does not let us. */
  async exec(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#through(options, async (through) => await this.login.exec(through));
  }

  async execAside(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#through(options, async (through) => await this.login.execAside(through));
  }

  async dial(address: SshAddress, call: HostCall): Promise<Duplex> {
    return await this.login.dial(address, call);
  }

  async openResponseWay(responseAddress: string, call: HostCall): Promise<ResponseWay> {
    return await this.login.openResponseWay(responseAddress, call);
  }

  /** File transfer is the other account's: the files stand in a program. */
  async upload(bundle: Bundle, remoteDir: string, call: HostCall): Promise<void> {
    const base = remoteDir.startsWith('~/') ? remoteDir.slice(2) : remoteDir;
    const target = `${base}/launchers/${bundle.hash}`;
    await runProgram(this, unpackProgram(bundle, { unfinished: `${target}.${randomUUID()}`, target }), call);
  }

  hold(): Disposable {
    return this.login.hold();
  }

  async #through(
    options: SshExecOptions,
    exec: (through: SshExecOptions) => Promise<SshExecResult>,
  ): Promise<SshExecResult> {
    const mark = `gp-${randomBytes(16).toString('hex')}`;
    const stdin = sudoProgram({ user: this.user, program: options.stdin, mark });
    const result = await exec({ ...options, stdin });
    if (result.exitCode === 0) return result;
    const printed = result.stderr.toString('utf8');
    const [, why] = new RegExp(`^${mark} (.+)$`, 'm').exec(printed) ?? [];
    if (why === undefined) return result;
    const words = printed
      .split('\n')
      .filter((line) => line.startsWith('sudo: ') && !line.includes('unable to resolve host'));
    const said = words.length === 0 ? '' : `: ${words.join(' ').slice(0, 500)}`;
    throw new ProvisionerError(
      'IMPERSONATION_REFUSED',
      `no kernel can run as ${this.user} on ${this.name}: ${why}${said}`,
      { coordinates: { host: this.name, user: this.user } },
    );
  }
}
