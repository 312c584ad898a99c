import { randomUUID } from 'node:crypto';
import { ProvisionerError, isProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation } from '@gateway-provisioners/core';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import type { GatewayKernels } from '../gateway-options.ts';

/** A document or console and the kernel it uses. */
export interface Session {
  readonly id: string;
  readonly owner: string;
  /** The document's path; one owner has at most one session per path. */
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly kernelId: string;
}

export type SessionChange = Partial<Pick<Session, 'path' | 'name' | 'type' | 'kernelId'>>;

/** Sessions of all users, in memory. A session ends with its kernel. */
export class SessionRegistry implements Disposable {
  readonly #sessions = new Map<string, Session>();
  readonly #starting = new Map<string, Promise<Session>>();
  readonly #unsubscribe: Cancellation;

  constructor(kernels: Pick<GatewayKernels, 'subscribe'>) {
    this.#unsubscribe = kernels.subscribe('removed', (kernel) => {
      this.#forgetKernel(kernel);
    });
  }

  list(owner: string): readonly Session[] {
    return [...this.#sessions.values()].filter((session) => session.owner === owner);
  }

  /** Errors: `SESSION_NOT_FOUND`, also for sessions of others. */
  require(owner: string, id: string): Session {
    const session = this.#sessions.get(id);
    if (session?.owner === owner) return session;
    throw new ProvisionerError('SESSION_NOT_FOUND', `there is no session ${JSON.stringify(id.slice(0, 64))}`);
  }

  findByPath(owner: string, path: string): Session | undefined {
    return this.list(owner).find((session) => session.path === path);
  }

  /**
   * The session of that path, made by `start` when there is none. Two requests at once get one session and one kernel.
   */
  async open(fields: Omit<Session, 'id' | 'kernelId'>, start: () => Promise<Kernel>): Promise<Session> {
    const key = JSON.stringify([fields.owner, fields.path]);
    for (;;) {
      const existing = this.findByPath(fields.owner, fields.path);
      if (existing !== undefined) return existing;
      const underWay = this.#starting.get(key);
      if (underWay === undefined) break;
      try {
        return await underWay;
      } catch (error) {
        // Whoever began has gone away: a page that is loaded anew. That is no answer for those who are still there.
        if (!isProvisionerError(error, 'CANCELLED')) throw error;
      }
    }
    const opening = this.#start(fields, start).finally(() => this.#starting.delete(key));
    this.#starting.set(key, opening);
    return await opening;
  }

  /** Errors: `SESSION_NOT_FOUND`; `INVALID_STATE` when another session has the new path. */
  change(owner: string, id: string, change: SessionChange): Session {
    const session = this.require(owner, id);
    this.requireFreePath(session, change.path);
    const changed = { ...session, ...change };
    this.#sessions.set(id, changed);
    return changed;
  }

  /** Errors: `INVALID_STATE` when a session other than this one has the path. */
  requireFreePath(session: Session, path: string | undefined): void {
    const other = path === undefined ? undefined : this.findByPath(session.owner, path);
    if (other === undefined || other.id === session.id) return;
    throw new ProvisionerError('INVALID_STATE', 'another session already has that path');
  }

  remove(id: string): void {
    this.#sessions.delete(id);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  async #start(fields: Omit<Session, 'id' | 'kernelId'>, start: () => Promise<Kernel>): Promise<Session> {
    const kernel = await start();
    const session = { ...fields, id: randomUUID(), kernelId: kernel.id };
    this.#sessions.set(session.id, session);
    return session;
  }

  #forgetKernel(kernel: Kernel): void {
    for (const session of this.#sessions.values()) {
      if (session.kernelId === kernel.id) this.#sessions.delete(session.id);
    }
  }
}
