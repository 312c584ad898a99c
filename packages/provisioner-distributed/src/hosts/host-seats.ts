import { Turns } from '../ssh/turns.ts';
import type { KernelHost } from './kernel-host.ts';

/** A place on a host; dispose of it when the kernel is gone. */
export interface Seat extends Disposable {
  readonly host: KernelHost;
}

/** Whose turn it is. */
export interface Rotation {
  next: number;
}

/**
 * Which machines run how many kernels of one gateway. Shared by its provisioners: two kernelspecs that name the same hosts
 * share their room, and take turns.
 */
export class HostSeats {
  /** Who chooses a host takes a seat there before the next one chooses: launches at once would all choose the same. */
  readonly choosing = new Turns(1);
  readonly #taken = new Map<string, number>();
  readonly #rotations = new Map<string, Rotation>();

  /** Kernels that run or start there. */
  count({ machine }: KernelHost): number {
    return this.#taken.get(machine) ?? 0;
  }

  /** Takes a seat, whatever limits there are. */
  take(host: KernelHost): Seat {
    this.#taken.set(host.machine, this.count(host) + 1);
    let isTaken = true;
    return {
      host,
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        const left = this.count(host) - 1;
        if (left > 0) this.#taken.set(host.machine, left);
        else this.#taken.delete(host.machine);
      },
    };
  }

  /** One for all who choose among the same machines. */
  rotationOf(hosts: readonly KernelHost[]): Rotation {
    const key = JSON.stringify(hosts.map(({ machine }) => machine));
    const rotation = this.#rotations.get(key) ?? { next: 0 };
    this.#rotations.set(key, rotation);
    return rotation;
  }
}
