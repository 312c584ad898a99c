import type { LaunchedKernel } from '../provisioner.ts';

/** A place for one kernel among {@link HeldKernels}. */
interface KernelHold {
  /** The kernel is there: it is let go of with the others, unless it was released before. */
  readonly take: (kernel: LaunchedKernel) => void;
  /** For `onReleased`: the kernel was removed or let go of. */
  readonly release: () => void;
}

/** The kernels that a provisioner has launched or attached to; letting go of it lets go of them. They run on. */
export class HeldKernels implements AsyncDisposable {
  readonly #kernels = new Set<LaunchedKernel>();

  /** Made before the kernel, which may be released at any time. */
  hold(): KernelHold {
    let held: LaunchedKernel | undefined;
    let isReleased = false;
    return {
      take: (kernel) => {
        if (isReleased) return;
        held = kernel;
        this.#kernels.add(kernel);
      },
      release: () => {
        isReleased = true;
        if (held !== undefined) this.#kernels.delete(held);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const kernel of [...this.#kernels]) await kernel[Symbol.asyncDispose]();
  }
}
